"""Deleting one's account, and what is kept of it."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hcommon.events.accounts import UserDeleted, UserRenamed
from hcommon.models import User, UserDeletion, UserRename
from hcommon.testing.clock import START
from hcommon.testing.factories import make_annotation, make_user, recorded_events
from hweb.accounts import passwords, queries, service
from hweb.accounts.service import UsernameTakenError
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

PASSWORD = {"password": "long enough"}


@pytest.fixture
def ann(session: Session) -> User:
    return make_user(session, username="ann", password_hash=passwords.hash_password("long enough"))


class TestDeletion:
    def test_visitors_log_in_first(self, client: TestClient) -> None:
        assert client.get("/account/delete").headers["location"] == "/login?next=%2Faccount%2Fdelete"

    def test_says_what_would_be_lost(
        self, client: TestClient, sign_in: Callable[[int], None], session: Session, ann: User
    ) -> None:
        make_annotation(session, user=ann)
        sign_in(ann.id)
        assert "its 1 annotation," in client.get("/account/delete").text

    def test_deletes_for_good(
        self, client: TestClient, sign_in: Callable[[int], None], submit: Any, session: Session, ann: User
    ) -> None:
        make_annotation(session, user=ann)
        sign_in(ann.id)
        answer = submit("/account/delete", PASSWORD)
        assert (answer.status_code, answer.headers["location"]) == (302, "/account/deleted")
        assert "is deleted" in client.get("/account/deleted").text
        assert session.scalar(select(User.deleted))
        record = session.scalars(select(UserDeletion)).one()
        assert (record.username, record.requested_by, record.annotations) == ("ann", "acct:ann@example.org", 1)
        [event] = recorded_events(session)
        assert isinstance(event, UserDeleted)
        assert client.get("/account/settings").headers["location"].startswith("/login")

    def test_asks_for_the_password(
        self, sign_in: Callable[[int], None], submit: Any, session: Session, ann: User
    ) -> None:
        sign_in(ann.id)
        answer = submit("/account/delete", {"password": "wrong"})
        assert answer.status_code == 400
        assert "not your password" in answer.text
        assert not session.scalar(select(User.deleted))

    def test_passwords_are_not_guessed_here(self, sign_in: Callable[[int], None], submit: Any, ann: User) -> None:
        sign_in(ann.id)
        statuses = [submit("/account/delete", {"password": "x"}).status_code for _ in range(11)]
        assert statuses == [400] * 10 + [429]

    def test_somebody_has_to_administer_the_site(
        self, sign_in: Callable[[int], None], submit: Any, session: Session, ann: User
    ) -> None:
        ann.admin = True
        session.flush()
        sign_in(ann.id)
        assert submit("/account/delete", PASSWORD).status_code == 409
        make_user(session, admin=True)
        assert submit("/account/delete", PASSWORD).status_code == 302

    def test_a_visitors_form_leads_to_the_login(self, submit: Any) -> None:
        assert submit("/login", PASSWORD, to="/account/delete").headers["location"].startswith("/login")


class TestMarkDeleted:
    def test_the_second_time_changes_nothing(self, session: Session, ann: User) -> None:
        service.mark_deleted(session, user_id=ann.id, now=START)
        service.mark_deleted(session, user_id=ann.id, now=START)
        assert len(recorded_events(session)) == 1

    def test_the_name_stays_reserved_for_a_month_even_when_the_account_is_purged(
        self, session: Session, ann: User
    ) -> None:
        service.mark_deleted(session, user_id=ann.id, now=START)
        session.delete(ann)
        session.flush()
        for days, reserved in ((30, True), (32, False)):
            now = START + timedelta(days=days)
            found = queries.is_username_reserved(session, username="A.nn", authority="example.org", now=now)
            assert found is reserved


class TestRename:
    def test_takes_effect_at_once_and_is_told(self, session: Session, ann: User) -> None:
        service.rename(session, user_id=ann.id, username="Anna.B", now=START)
        session.refresh(ann)
        assert (ann.username, ann.username_normalized) == ("Anna.B", "annab")
        record = session.scalars(select(UserRename)).one()
        assert (record.old_username, record.new_username, record.requested_by) == ("ann", "Anna.B", "h")
        [event] = recorded_events(session)
        assert isinstance(event, UserRenamed)

    def test_the_same_name_may_be_spelt_otherwise(self, session: Session, ann: User) -> None:
        service.rename(session, user_id=ann.id, username="A.nn", now=START)
        session.refresh(ann)
        assert ann.username == "A.nn"

    def test_a_name_that_is_or_was_anothers_is_refused(self, session: Session, ann: User) -> None:
        make_user(session, username="bob")
        eve = make_user(session, username="eve")
        service.mark_deleted(session, user_id=eve.id, now=START)
        session.delete(eve)
        session.flush()
        for name in ("B.ob", "eve"):
            with pytest.raises(UsernameTakenError):
                service.rename(session, user_id=ann.id, username=name, now=START)
