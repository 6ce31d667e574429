"""Whoever loses sight of an annotation is told that it is gone."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from hcommon.events.annotations import AnnotationBefore, AnnotationCreated, AnnotationUpdated
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.models import Annotation
from hcommon.models.annotation import ModerationStatus
from hcommon.models.group import Role
from sqlalchemy import update

NewPage = Callable[[], str]
MARKER = "the last one"
MODERATORS = {"moderator", "owner"}


def past(annotation: Annotation, **changes: Any) -> AnnotationBefore:
    """Return what an annotation was before, as its service tells it."""
    now = {
        "shared": annotation.shared,
        "moderation_status": annotation.moderation_status,
        "document_id": annotation.document_id,
        "document_version": annotation.document_version,
        "target_uri_hash": annotation.target_uri_hash,
    }
    return AnnotationBefore(**(now | changes))


class Watchers:
    """Clients of all kinds of readers of a group, that look at one page."""

    def __init__(self, stack: ExitStack, service: Any, world: Any, page: str) -> None:
        self._stack, self._service, self._world, self._page = stack, service, world, page
        self.author, users = world.user(), {role.value: world.user() for role in Role if role is not Role.ADMIN}
        self.group = world.group("open", **users)
        self._clients: dict[str, Any] = {}
        for name, user in {"anonymous": None, "author": self.author, **users}.items():
            client = stack.enter_context(service.client(token=world.token(user) if user else None))
            client.subscribe(uri=[page])
            self._clients[name] = client

    def heard(self, *, page: str | None = None) -> dict[str, set[str]]:
        """Return by action who heard of it; a public annotation of the page is sent after it, which all receive."""
        marker = self._world.annotation(target_uri=page or self._page, text=MARKER)
        self._world.publish(AnnotationCreated, annotation=marker)
        found: dict[str, set[str]] = {}
        for name, client in self._clients.items():
            while True:
                message = client.receive()
                if message["payload"][0].get("text") == MARKER:
                    break
                found.setdefault(message["options"]["action"], set()).add(name)
        return found


@pytest.fixture
def page(new_page: NewPage) -> str:
    return new_page()


@pytest.fixture
def watchers(service: Any, world: Any, page: str) -> Iterator[Watchers]:
    with ExitStack() as stack:
        yield Watchers(stack, service, world, page)


@pytest.fixture
def changed(watchers: Watchers, world: Any, page: str) -> Callable[..., dict[str, set[str]]]:
    """Make an annotation as it is now, tell what it was before, and return who heard what."""

    def change(before: dict[str, Any], **columns: Any) -> dict[str, set[str]]:
        annotation = world.annotation(watchers.author, group=watchers.group, target_uri=page, **columns)
        world.publish(AnnotationUpdated, annotation=annotation, before=past(annotation, **before))
        return watchers.heard()

    return change


OTHERS = {"anonymous", "member"}
ALL = OTHERS | MODERATORS | {"author"}


class TestSight:
    def test_made_private(self, changed: Callable[..., Any]) -> None:
        assert changed({"shared": True}, shared=False) == {"update": {"author"}, "delete": ALL - {"author"}}

    @pytest.mark.parametrize("status", ["PENDING", "DENIED", "SPAM"])
    @pytest.mark.parametrize("before", [None, "APPROVED"])
    def test_hidden(self, changed: Callable[..., Any], before: str | None, status: str) -> None:
        heard = changed({"moderation_status": before}, moderation_status=ModerationStatus(status))
        assert heard == {"update": ALL - OTHERS, "delete": OTHERS}

    def test_hidden_and_made_private_at_once(self, changed: Callable[..., Any]) -> None:
        heard = changed({"shared": True}, shared=False, moderation_status=ModerationStatus.PENDING)
        assert heard == {"update": {"author"}, "delete": MODERATORS}

    def test_shown_again(self, changed: Callable[..., Any]) -> None:
        heard = changed({"moderation_status": "SPAM"}, moderation_status=ModerationStatus.APPROVED)
        assert heard == {"update": ALL}

    def test_what_was_private_is_no_loss_when_it_is_hidden(self, changed: Callable[..., Any]) -> None:
        heard = changed({"shared": False}, moderation_status=ModerationStatus.PENDING)
        assert heard == {"update": ALL - OTHERS}

    def test_an_update_that_takes_nobody_its_sight(self, changed: Callable[..., Any]) -> None:
        assert changed({}) == {"update": ALL}
        assert changed({"moderation_status": "SPAM"}, moderation_status=ModerationStatus.DENIED) == {
            "update": ALL - OTHERS
        }

    def test_one_that_was_deleted_right_after(self, changed: Callable[..., Any]) -> None:
        assert changed({"shared": True}, shared=False, deleted=True) == {"delete": ALL - {"author"}}

    def test_an_event_of_an_older_release_shows_alone(self, watchers: Watchers, world: Any, page: str) -> None:
        annotation = world.annotation(watchers.author, group=watchers.group, target_uri=page, shared=False)
        world.publish(AnnotationUpdated, annotation=annotation)
        assert watchers.heard() == {"update": {"author"}}


class TestMoves:
    def test_readers_of_the_page_that_it_left_see_it_go(
        self, watchers: Watchers, world: Any, page: str, new_page: NewPage
    ) -> None:
        document_id = world.document(page)
        there = world.annotation(target_uri=page, document_id=document_id)
        moved = world.annotation(watchers.author, group=watchers.group, target_uri=new_page())
        before = past(moved, document_id=document_id, target_uri_hash=there.target_uri_hash)
        world.publish(AnnotationUpdated, annotation=moved, before=before)
        assert watchers.heard() == {"delete": ALL}

    def test_those_of_another_address_of_that_page_too(
        self, watchers: Watchers, world: Any, page: str, new_page: NewPage
    ) -> None:
        pdf = new_page() + ".pdf"
        document_id = world.document(page, pdf)
        there = world.annotation(target_uri=pdf, document_id=document_id)
        moved = world.annotation(watchers.author, group=watchers.group, target_uri=new_page(), shared=False)
        before = past(moved, document_id=document_id, target_uri_hash=there.target_uri_hash, shared=True)
        world.publish(AnnotationUpdated, annotation=moved, before=before)
        assert watchers.heard() == {"delete": ALL}

    def test_readers_of_both_pages_see_a_change(self, watchers: Watchers, world: Any, page: str) -> None:
        document_id = world.document(page)
        moved = world.annotation(watchers.author, group=watchers.group, target_uri=page)
        world.publish(AnnotationUpdated, annotation=moved, before=past(moved, document_id=document_id))
        assert watchers.heard() == {"update": ALL}

    def test_a_document_that_was_merged_away_is_found_by_the_address(
        self, watchers: Watchers, world: Any, page: str, new_page: NewPage
    ) -> None:
        there = world.annotation(target_uri=page)
        moved = world.annotation(watchers.author, group=watchers.group, target_uri=new_page())
        before = past(moved, document_id=2**40, target_uri_hash=there.target_uri_hash)
        world.publish(AnnotationUpdated, annotation=moved, before=before)
        assert watchers.heard() == {"delete": ALL}

    def test_another_version_of_the_document(self, watchers: Watchers, world: Any, page: str) -> None:
        moved = world.annotation(watchers.author, group=watchers.group, target_uri=page, document_version=2)
        world.publish(AnnotationUpdated, annotation=moved, before=past(moved, document_version=None))
        assert watchers.heard() == {"delete": ALL}


class TestJudgingAuthors:
    def test_a_moderating_author_still_may_judge(self, service: Any, world: Any, page: str) -> None:
        author = world.user()
        group = world.group("open", owner=author)
        annotation = world.annotation(author, group=group, target_uri=page)
        with world.session() as session:
            pending = {"moderation_status": ModerationStatus.PENDING.value}
            session.execute(update(Annotation).where(Annotation.id == annotation.id).values(pending))
        with service.client(token=world.token(author)) as client:
            client.subscribe(id=annotation_id_to_urlsafe(annotation.id))
            world.publish(AnnotationUpdated, annotation=annotation)
            [shown] = client.receive()["payload"]
        assert (shown["actions"], shown["moderation"], shown["hidden"]) == (["moderate"], {"flagCount": 0}, False)
