"""Feature flags, as released and as switched."""

from datetime import UTC, datetime
from typing import Any

import pytest
from hcommon import features
from hcommon.auth import ANONYMOUS, Principal, principal_of_user
from hcommon.models import Feature, FeatureCohort, FeatureCohortFeature, FeatureCohortMember, User
from hcommon.testing.factories import make_user
from sqlalchemy.orm import Session

FLAG = "pre_moderation"


def on_for(session: Session, user: User | None, name: str = FLAG) -> bool:
    principal = ANONYMOUS if user is None else principal_of_user(session, user.id)
    return features.is_on(session, name, principal=principal, site_authority="example.org")


def switch(session: Session, name: str = FLAG, **states: bool) -> None:
    session.add(Feature(name=name, **states))
    session.flush()


class TestFlags:
    def test_are_as_released_until_they_are_switched(self, session: Session) -> None:
        switch(session, "at_mentions", everyone=True)
        assert not on_for(session, None)
        assert on_for(session, None, "client_display_names")
        assert on_for(session, make_user(session), "pdf_image_annotation")

    def test_switched_for_nobody_are_off(self, session: Session) -> None:
        switch(session, "client_display_names")
        assert not on_for(session, make_user(session, admin=True, staff=True), "client_display_names")

    @pytest.mark.parametrize(
        ("states", "anybody", "user", "third_party", "admin", "staff"),
        [
            ({"everyone": True}, True, True, True, True, True),
            ({"first_party": True}, False, True, False, True, True),
            ({"admins": True}, False, False, False, True, False),
            ({"staff": True}, False, False, False, False, True),
        ],
    )
    def test_are_on_for_whom_they_were_switched(
        self,
        session: Session,
        *,
        states: dict[str, bool],
        anybody: bool,
        user: bool,
        third_party: bool,
        admin: bool,
        staff: bool,
    ) -> None:
        switch(session, **states)
        assert on_for(session, None) is anybody
        assert on_for(session, make_user(session)) is user
        assert on_for(session, make_user(session, authority="lms.test")) is third_party
        assert on_for(session, make_user(session, admin=True)) is admin
        assert on_for(session, make_user(session, staff=True)) is staff

    def test_are_on_for_cohorts(self, session: Session) -> None:
        switch(session)
        member, other = make_user(session), make_user(session)
        cohort = FeatureCohort(name="testers", created=datetime(2026, 1, 1, tzinfo=UTC))
        session.add(cohort)
        session.flush()
        session.add(FeatureCohortMember(cohort_id=cohort.id, user_id=member.id))
        session.add(FeatureCohortFeature(cohort_id=cohort.id, feature_name=FLAG))
        session.flush()
        assert on_for(session, member)
        assert not on_for(session, other)
        assert not on_for(session, None)
        assert not on_for(session, member, "at_mentions")

    def test_that_this_release_does_not_know_are_not_told(self, session: Session) -> None:
        switch(session, "of_yesterday", everyone=True)
        with pytest.raises(KeyError):
            on_for(session, None, "of_yesterday")


class TestForClient:
    @pytest.mark.parametrize(
        ("version", "able"),
        [
            ("1.1632.9", False),
            ("1.1633.0", True),
            ("2.0.0", True),
            ("0.9999.0", False),
            (None, True),
            ("", True),
            ("x", True),
            ("1.2", True),
        ],
    )
    def test_old_clients_are_spared_what_they_cannot_do(self, version: Any, able: bool) -> None:
        states = features.evaluate(None, principal=Principal(), site_authority="example.org")
        assert features.for_client(states, version=version) == states | {"pdf_image_annotation": able}
