"""Who may report what, and what is seen of it."""

from typing import Any

import pytest
from hcommon.events import catalog
from hcommon.events.base import Consumer
from hcommon.events.moderation import AnnotationFlagged
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.models import Annotation, User
from hcommon.models.group import Role
from hcommon.testing.factories import (
    add_member,
    make_access_token,
    make_annotation,
    make_group,
    make_user,
    recorded_events,
)
from sqlalchemy.orm import Session
from starlette.testclient import TestClient


@pytest.fixture
def author(session: Session) -> User:
    return make_user(session)


def bearer(session: Session, user: User) -> dict[str, str]:
    return {"Authorization": f"Bearer {make_access_token(session, user=user)}"}


def address(annotation: Annotation) -> str:
    return f"/api/annotations/{annotation_id_to_urlsafe(annotation.id)}"


def read(client: TestClient, annotation: Annotation, headers: dict[str, str]) -> Any:
    return client.get(address(annotation), headers=headers).json()


class TestFlag:
    def test_a_reader_reports_and_sees_that_alone(self, client: TestClient, session: Session, author: User) -> None:
        annotation = make_annotation(session, user=author)
        reader, other = bearer(session, make_user(session)), bearer(session, make_user(session))
        assert client.put(f"{address(annotation)}/flag", headers=reader).status_code == 204
        assert client.put(f"{address(annotation)}/flag", headers=reader).status_code == 204
        assert read(client, annotation, reader)["flagged"] is True
        assert read(client, annotation, other)["flagged"] is False
        assert read(client, annotation, bearer(session, author))["flagged"] is False

    def test_moderators_see_how_many_reported_it(self, client: TestClient, session: Session, author: User) -> None:
        group = make_group(session, kind="open")
        moderator = make_user(session)
        add_member(session, group=group, user=moderator, role=Role.MODERATOR)
        annotation = make_annotation(session, user=author, group=group)
        for _ in range(2):
            client.put(f"{address(annotation)}/flag", headers=bearer(session, make_user(session)))
        assert read(client, annotation, bearer(session, moderator))["moderation"] == {"flagCount": 2}

    def test_the_author_may_report_an_own_private_one(self, client: TestClient, session: Session, author: User) -> None:
        annotation = make_annotation(session, user=author, shared=False)
        assert client.put(f"{address(annotation)}/flag", headers=bearer(session, author)).status_code == 204

    def test_nobody_reports_what_nobody_sees(self, client: TestClient, session: Session, author: User) -> None:
        annotation = make_annotation(session, user=author, shared=False)
        stranger = bearer(session, make_user(session))
        assert client.put(f"{address(annotation)}/flag", headers=stranger).status_code == 404
        assert client.put("/api/annotations/nothing/flag", headers=stranger).status_code == 404

    def test_anonymous_readers_cannot(self, client: TestClient, session: Session, author: User) -> None:
        assert client.put(f"{address(make_annotation(session, user=author))}/flag").status_code == 404

    def test_the_worker_is_told_of_the_first_report_alone(
        self, client: TestClient, session: Session, author: User
    ) -> None:
        annotation = make_annotation(session, user=author)
        reporter = make_user(session)
        for _ in range(2):
            client.put(f"{address(annotation)}/flag", headers=bearer(session, reporter))
        [event] = recorded_events(session)
        assert isinstance(event, AnnotationFlagged)
        assert (event.annotation_id, event.user_id) == (annotation.id, reporter.id)
        assert catalog.consumed_by(Consumer.WORKER) >= {type(event)}
        assert type(event) not in catalog.consumed_by(Consumer.WEBSOCKET) | catalog.consumed_by(Consumer.INDEXER)

    def test_members_report_in_private_groups_and_others_do_not(
        self, client: TestClient, session: Session, author: User
    ) -> None:
        group = make_group(session)
        member = make_user(session)
        add_member(session, group=group, user=member)
        annotation = make_annotation(session, user=author, group=group)
        assert client.put(f"{address(annotation)}/flag", headers=bearer(session, member)).status_code == 204
        stranger = bearer(session, make_user(session))
        assert client.put(f"{address(annotation)}/flag", headers=stranger).status_code == 404

    def test_what_is_hidden_is_reported_by_nobody_who_does_not_see_it(
        self, client: TestClient, session: Session, author: User
    ) -> None:
        annotation = make_annotation(session, user=author, moderation_status="PENDING")
        reader = bearer(session, make_user(session))
        assert client.put(f"{address(annotation)}/flag", headers=reader).status_code == 404
