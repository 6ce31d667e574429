"""What the schedule removes, and what it leaves."""

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hcommon import outbox
from hcommon.events.annotations import AnnotationCreated
from hcommon.models import Annotation, AuthClient, AuthzCode, Flag, Grant, Notification, OutboxEvent, Token
from hcommon.models.feature import Feature, FeatureCohort, FeatureCohortFeature
from hcommon.testing.clock import START, FrozenClock
from hcommon.testing.factories import make_access_token, make_annotation, make_user, make_world_group
from hcommon.tokens import hash_token
from hworker.context import Context
from hworker.tasks import cleanup
from sqlalchemy import func, insert, select, update
from sqlalchemy.orm import Session

PAST, FUTURE = START - timedelta(days=2), START + timedelta(days=1)


def add_token(
    session: Session, *, access: datetime | None, refresh: datetime | None, created: datetime = PAST
) -> Token:
    user = make_user(session)
    make_access_token(session, user=user, expires=access)
    token = session.scalars(select(Token).order_by(Token.id.desc()).limit(1)).one()
    token.refresh_expires = refresh
    token.refresh_hash = hash_token(str(token.id)) if refresh else None
    session.execute(update(Grant).where(Grant.id == token.grant_id).values(created=created))
    session.flush()
    return token


def ids(session: Session, model: Any) -> set[Any]:
    return set(session.scalars(select(model.id)))


class TestPurgeRemovedFeatures:
    def test_forgets_flags_that_this_release_does_not_have(self, context: Context, session: Session) -> None:
        cohort = FeatureCohort(name="early", created=START)
        session.add_all([Feature(name="at_mentions", everyone=True), Feature(name="gone", everyone=True), cohort])
        session.flush()
        session.add_all(
            FeatureCohortFeature(cohort_id=cohort.id, feature_name=name) for name in ("at_mentions", "gone")
        )
        session.flush()
        cleanup.purge_removed_features(context)
        assert session.scalars(select(Feature.name)).all() == ["at_mentions"]
        assert session.scalars(select(FeatureCohortFeature.feature_name)).all() == ["at_mentions"]


class TestPurgeTokens:
    def test_removes_what_has_expired_for_access_and_refresh(self, context: Context, session: Session) -> None:
        dead = [add_token(session, access=PAST, refresh=PAST), add_token(session, access=PAST, refresh=None)]
        alive = [
            add_token(session, access=FUTURE, refresh=FUTURE),
            add_token(session, access=PAST, refresh=FUTURE),
            add_token(session, access=FUTURE, refresh=PAST),
            add_token(session, access=None, refresh=None),
        ]
        kept = {token.id for token in alive}, {token.grant_id for token in alive}
        assert dead
        cleanup.purge_tokens(context)
        assert (ids(session, Token), ids(session, Grant)) == kept

    def test_a_clock_that_is_ahead_for_a_while_signs_nobody_out(
        self, context: Context, session: Session, clock: FrozenClock
    ) -> None:
        token = add_token(session, access=FUTURE, refresh=FUTURE)
        clock.advance(hours=23)
        cleanup.purge_tokens(context)
        assert ids(session, Token) == {token.id}

    def test_leaves_a_new_grant_whose_token_is_on_the_way(self, context: Context, session: Session) -> None:
        grant = Grant(id=uuid4(), user_id=make_user(session).id, source="code", created=START)
        session.add(grant)
        session.flush()
        cleanup.purge_tokens(context)
        assert ids(session, Grant) == {grant.id}


class TestPurgeAuthzCodes:
    def test_removes_what_has_expired(self, context: Context, session: Session) -> None:
        client = AuthClient(
            id=uuid4(),
            name="c",
            authority="example.org",
            grant_type="authorization_code",
            redirect_uri="https://x/",
            created=START,
        )
        session.add(client)
        user = make_user(session)
        session.flush()
        for name, expires in (("old", PAST), ("new", FUTURE)):
            session.add(
                AuthzCode(code_hash=hash_token(name), user_id=user.id, auth_client_id=client.id, expires=expires)
            )
        session.flush()
        cleanup.purge_authz_codes(context)
        assert session.scalars(select(AuthzCode.code_hash)).all() == [hash_token("new")]


class TestPurgeDeletedAnnotations:
    @pytest.mark.parametrize(
        ("deleted", "age", "kept"),
        [
            (True, timedelta(hours=2), False),
            (True, timedelta(hours=1), True),
            (False, timedelta(days=400), True),
        ],
    )
    def test_removes_what_was_deleted_a_while_ago(
        self, context: Context, session: Session, deleted: bool, age: timedelta, kept: bool
    ) -> None:
        user = make_user(session)
        annotation = make_annotation(session, user=user, deleted=deleted, updated=START - age)
        session.add(Flag(annotation_id=annotation.id, user_id=user.id, created=START - timedelta(days=2)))
        session.flush()
        cleanup.purge_deleted_annotations(context)
        assert (annotation.id in ids(session, Annotation)) is kept

    @pytest.mark.parametrize("record", ["notification", "flag"])
    @pytest.mark.parametrize(
        ("age", "account_deleted", "kept"),
        [(timedelta(hours=3), False, True), (timedelta(hours=25), False, False), (timedelta(hours=3), True, False)],
    )
    def test_leaves_for_a_day_what_people_were_mailed_of(
        self, *, context: Context, session: Session, record: str, age: timedelta, account_deleted: bool, kept: bool
    ) -> None:
        author, other = make_user(session, deleted=account_deleted), make_user(session)
        annotation = make_annotation(session, user=author, deleted=True, updated=START - timedelta(hours=2))
        about = {"annotation_id": annotation.id, "created": START - age}
        if record == "flag":
            session.add(Flag(user_id=other.id, **about))
        else:
            session.add(Notification(recipient_id=other.id, sender_id=author.id, kind="mention", **about))
        session.flush()
        cleanup.purge_deleted_annotations(context)
        assert (annotation.id in ids(session, Annotation)) is kept

    def test_goes_on_until_none_is_left(self, context: Context, session: Session) -> None:
        one = make_annotation(
            session, user=make_user(session), group=make_world_group(session), deleted=True, updated=PAST
        )
        row = {column.name: getattr(one, column.name) for column in Annotation.__table__.columns}
        session.execute(insert(Annotation), [row | {"id": uuid4()} for _ in range(2 * cleanup.CHUNK)])
        cleanup.purge_deleted_annotations(context)
        assert session.scalar(select(func.count()).select_from(Annotation)) == 0


class TestPurgeOutbox:
    def test_removes_what_was_published_two_days_ago(self, context: Context, session: Session) -> None:
        def record(published: datetime | None) -> int:
            outbox.record(session, AnnotationCreated(occurred_at=PAST, annotation_id=uuid4(), revision=1))
            newest = session.scalars(select(OutboxEvent.id).order_by(OutboxEvent.id.desc()).limit(1)).one()
            session.execute(update(OutboxEvent).where(OutboxEvent.id == newest).values(published_at=published))
            return newest

        record(START - timedelta(hours=49))
        kept = {record(START - timedelta(hours=47)), record(None)}
        cleanup.purge_outbox(context)
        assert ids(session, OutboxEvent) == kept
