"""Who is told what about annotations."""

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pytest
from hcommon.events.annotations import AnnotationCreated, AnnotationDeleted, AnnotationUpdated
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.models import Annotation, User
from hcommon.models.annotation import ModerationStatus
from sqlalchemy import delete, update

NewPage = Callable[[], str]
MARKER = "the last one"


def payload_id(message: Any) -> str:
    (shown,) = message["payload"]
    return str(shown["id"])


class Room:
    """Clients of several readers that look at one page, and what each of them receives."""

    def __init__(self, stack: ExitStack, service: Any, world: Any, page: str) -> None:
        self._stack, self._service, self._world, self.page = stack, service, world, page
        self.clients: dict[str, Any] = {}

    def enter(self, name: str, user: User | None = None) -> None:
        token = self._world.token(user) if user else None
        client = self._stack.enter_context(self._service.client(token=token))
        client.subscribe(uri=[self.page])
        self.clients[name] = client

    def received(self) -> dict[str, list[Any]]:
        """Return what each client received up to now: a public annotation is sent after it, which all receive."""
        marker = self._world.annotation(target_uri=self.page, text=MARKER)
        self._world.publish(AnnotationCreated, annotation=marker)
        found: dict[str, list[Any]] = {}
        for name, client in self.clients.items():
            messages = found[name] = []
            while True:
                message = client.receive()
                if message["payload"][0].get("text") == MARKER:
                    break
                messages.append(message)
        return found

    def hearers(self) -> set[str]:
        return {name for name, messages in self.received().items() if messages}


@pytest.fixture
def room(service: Any, world: Any, new_page: NewPage) -> Any:
    with ExitStack() as stack:
        yield Room(stack, service, world, new_page())


class TestShape:
    @pytest.mark.parametrize(("event", "action"), [(AnnotationCreated, "create"), (AnnotationUpdated, "update")])
    def test_an_annotation_is_shown_whole(self, room: Room, world: Any, event: Any, action: str) -> None:
        room.enter("reader")
        annotation = world.annotation(target_uri=room.page, text="hello", tags=["a"], selectors=[{"type": "X", "n": 1}])
        world.publish(event, annotation=annotation)
        (message,) = room.received()["reader"]
        assert message.keys() == {"type", "options", "payload"}
        assert message["type"] == "annotation-notification"
        assert message["options"] == {"action": action}
        (shown,) = message["payload"]
        assert shown["id"] == annotation_id_to_urlsafe(annotation.id)
        assert (shown["text"], shown["tags"], shown["uri"]) == ("hello", ["a"], room.page)
        assert shown["target"] == [{"source": room.page, "selector": [{"type": "X", "n": 1}]}]
        assert shown["links"]["html"] == f"https://annotate.example.org/a/{shown['id']}"

    def test_of_a_deleted_one_only_the_id(self, room: Room, world: Any) -> None:
        room.enter("reader")
        annotation = world.annotation(target_uri=room.page, deleted=True)
        world.publish(AnnotationDeleted, annotation=annotation)
        assert room.received()["reader"] == [
            {
                "type": "annotation-notification",
                "options": {"action": "delete"},
                "payload": [{"id": annotation_id_to_urlsafe(annotation.id)}],
            }
        ]

    def test_it_is_shown_as_it_is_when_the_event_arrives(self, room: Room, world: Any) -> None:
        room.enter("reader")
        annotation = world.annotation(target_uri=room.page, text="first")
        with world.session() as session:
            session.execute(update(Annotation).where(Annotation.id == annotation.id).values(text="second"))
        world.publish(AnnotationCreated, annotation=annotation)
        (message,) = room.received()["reader"]
        assert message["payload"][0]["text"] == "second"

    @pytest.mark.parametrize("event", [AnnotationCreated, AnnotationUpdated])
    def test_one_that_is_deleted_by_then_is_not_shown(self, room: Room, world: Any, event: Any) -> None:
        room.enter("reader")
        world.publish(event, annotation=world.annotation(target_uri=room.page, deleted=True))
        assert room.hearers() == set()

    @pytest.mark.parametrize("event", [AnnotationCreated, AnnotationUpdated, AnnotationDeleted])
    def test_one_whose_row_is_gone_is_dropped(self, room: Room, world: Any, event: Any) -> None:
        room.enter("reader")
        annotation = world.annotation(target_uri=room.page)
        with world.session() as session:
            session.execute(delete(Annotation).where(Annotation.id == annotation.id))
        world.publish(event, annotation=annotation)
        assert room.hearers() == set()


def fill(room: Room, world: Any, kind: str) -> tuple[User, Any]:
    """Let every kind of reader in; return the author and a group of `kind`."""
    author, member, moderator, admin, owner, stranger = (world.user() for _ in range(6))
    group = world.group(kind, member=member, moderator=moderator, admin=admin, owner=owner)
    for name, user in {
        "anonymous": None,
        "stranger": stranger,
        "author": author,
        "member": member,
        "moderator": moderator,
        "admin": admin,
        "owner": owner,
    }.items():
        room.enter(name, user)
    return author, group


MODERATORS = {"moderator", "admin", "owner"}
EVERYBODY = {"anonymous", "stranger", "author", "member"} | MODERATORS


class TestVisibility:
    @pytest.mark.parametrize(
        ("kind", "columns", "expected"),
        [
            ("open", {}, EVERYBODY),
            ("restricted", {}, EVERYBODY),
            ("private", {}, {"author", "member"} | MODERATORS),
            ("open", {"shared": False}, {"author"}),
            ("private", {"shared": False}, {"author"}),
            ("open", {"moderation_status": ModerationStatus.APPROVED}, EVERYBODY),
            ("open", {"moderation_status": ModerationStatus.PENDING}, {"author"} | MODERATORS),
            ("private", {"moderation_status": ModerationStatus.DENIED}, {"author"} | MODERATORS),
            ("restricted", {"moderation_status": ModerationStatus.SPAM}, {"author"} | MODERATORS),
        ],
    )
    @pytest.mark.parametrize("event", [AnnotationCreated, AnnotationDeleted])
    def test_every_reader_hears_of_what_he_may_read(
        self, room: Room, world: Any, *, kind: str, columns: Any, expected: set[str], event: Any
    ) -> None:
        author, group = fill(room, world, kind)
        deleted = event is AnnotationDeleted
        world.publish(
            event, annotation=world.annotation(author, group=group, target_uri=room.page, deleted=deleted, **columns)
        )
        assert room.hearers() == expected

    def test_what_a_shadow_banned_user_writes_reaches_the_user_alone(self, room: Room, world: Any) -> None:
        banned = world.user(nipsa=True)
        moderator = world.user()
        group = world.group("open", moderator=moderator)
        for name, user in {"anonymous": None, "banned": banned, "moderator": moderator}.items():
            room.enter(name, user)
        world.publish(AnnotationCreated, annotation=world.annotation(banned, group=group, target_uri=room.page))
        assert room.hearers() == {"banned"}


class TestClasses:
    def test_each_reader_sees_his_own_encoding(self, room: Room, world: Any) -> None:
        author, group = fill(room, world, "open")
        annotation = world.annotation(author, group=group, target_uri=room.page, text="x")
        flagger = world.user()
        room.enter("flagger", flagger)
        world.flag(annotation, flagger)
        world.flag(annotation, world.user())
        world.publish(AnnotationUpdated, annotation=annotation)
        shown = {name: messages[0]["payload"][0] for name, messages in room.received().items()}
        assert {name for name, values in shown.items() if values["flagged"]} == {"flagger"}
        assert {name for name, values in shown.items() if values["actions"] == ["moderate"]} == MODERATORS
        counts = {name: values["moderation"] for name, values in shown.items() if "moderation" in values}
        assert counts == {name: {"flagCount": 2} for name in MODERATORS}

    def test_hidden_is_said_to_moderators_and_not_to_the_author(self, room: Room, world: Any) -> None:
        author, group = fill(room, world, "open")
        annotation = world.annotation(
            author, group=group, target_uri=room.page, text="x", moderation_status=ModerationStatus.PENDING
        )
        world.publish(AnnotationUpdated, annotation=annotation)
        shown = {name: messages[0]["payload"][0] for name, messages in room.received().items() if messages}
        assert {name for name, values in shown.items() if values["hidden"]} == MODERATORS
        assert all(values["text"] == "x" for values in shown.values())
        assert shown["author"]["moderation_status"] == "PENDING"

    def test_a_moderator_who_flagged_sees_both(self, room: Room, world: Any) -> None:
        moderator = world.user()
        group = world.group("open", moderator=moderator)
        room.enter("moderator", moderator)
        annotation = world.annotation(group=group, target_uri=room.page)
        world.flag(annotation, moderator)
        world.publish(AnnotationUpdated, annotation=annotation)
        (message,) = room.received()["moderator"]
        assert message["payload"][0]["flagged"] is True
        assert message["payload"][0]["moderation"] == {"flagCount": 1}


class TestEcho:
    def test_the_client_that_made_a_change_does_not_hear_of_it(self, room: Room, world: Any) -> None:
        for name in ("maker", "other", "nameless"):
            room.enter(name)
        room.clients["maker"].send({"messageType": "client_id", "value": "maker-1"})
        room.clients["other"].send({"type": "client_id", "value": "other-1"})
        for client in room.clients.values():
            client.sync()
        world.publish(AnnotationCreated, annotation=world.annotation(target_uri=room.page), client_id="maker-1")
        assert room.hearers() == {"other", "nameless"}

    def test_a_change_without_a_clients_name_is_nobodys_echo(self, room: Room, world: Any) -> None:
        room.enter("nameless")
        world.publish(AnnotationCreated, annotation=world.annotation(target_uri=room.page), client_id=None)
        assert room.hearers() == {"nameless"}

    def test_neither_is_one_with_an_empty_name(self, room: Room, world: Any) -> None:
        room.enter("nameless")
        world.publish(AnnotationCreated, annotation=world.annotation(target_uri=room.page), client_id="")
        assert room.hearers() == {"nameless"}

    def test_a_deletion_is_suppressed_likewise(self, room: Room, world: Any) -> None:
        room.enter("maker")
        room.clients["maker"].send({"type": "client_id", "value": "maker-2"})
        room.clients["maker"].sync()
        annotation = world.annotation(target_uri=room.page, deleted=True)
        world.publish(AnnotationDeleted, annotation=annotation, client_id="maker-2")
        assert room.hearers() == set()


class TestMatching:
    def test_another_uri_of_the_same_document_is_the_same_page(self, room: Room, world: Any, new_page: NewPage) -> None:
        room.enter("reader")
        pdf = new_page() + ".pdf"
        document_id = world.document(room.page, pdf)
        world.publish(AnnotationCreated, annotation=world.annotation(target_uri=pdf, document_id=document_id))
        assert room.hearers() == {"reader"}

    def test_a_uri_that_was_claimed_after_the_filter_counts(self, room: Room, world: Any, new_page: NewPage) -> None:
        pdf = new_page() + ".pdf"
        annotation = world.annotation(target_uri=pdf)
        room.enter("reader")
        world.publish(AnnotationUpdated, annotation=annotation)
        assert room.hearers() == set()
        joined = world.document(room.page, pdf)
        with world.session() as session:
            session.execute(update(Annotation).where(Annotation.id == annotation.id).values(document_id=joined))
        world.publish(AnnotationUpdated, annotation=annotation)
        assert room.hearers() == {"reader"}

    def test_exactly_a_canonical_address_means_what_was_made_there(
        self, service: Any, world: Any, new_page: NewPage
    ) -> None:
        page, canonical = new_page(), new_page()
        document_id = world.document(page, canonical=(canonical,))
        at_page = world.annotation(target_uri=page, document_id=document_id)
        at_canonical = world.annotation(target_uri=canonical, document_id=document_id)
        with service.client() as exactly, service.client() as otherwise:
            exactly.subscribe(uri=[canonical])
            otherwise.subscribe(uri=[canonical + "#"])
            world.publish(AnnotationCreated, annotation=at_page)
            world.publish(AnnotationCreated, annotation=at_canonical)
            assert payload_id(exactly.receive()) == annotation_id_to_urlsafe(at_canonical.id)
            assert payload_id(otherwise.receive()) == annotation_id_to_urlsafe(at_page.id)

    @pytest.mark.parametrize(
        ("version", "suffix", "is_heard"),
        [
            (None, "", True),
            (None, ":v0", True),
            (None, ":v1", False),
            (None, ":all", True),
            (2, "", False),
            (2, ":v1", False),
            (2, ":v1:v2", True),
            (2, ":all", True),
        ],
    )
    def test_versions(
        self, service: Any, world: Any, new_page: NewPage, *, version: int | None, suffix: str, is_heard: bool
    ) -> None:
        page, marker_page = new_page(), new_page()
        annotation = world.annotation(target_uri=page, document_version=version)
        marker = world.annotation(target_uri=marker_page)
        with service.client() as client:
            client.subscribe(uri=[page + suffix, marker_page])
            world.publish(AnnotationCreated, annotation=annotation)
            world.publish(AnnotationCreated, annotation=marker)
            first = client.receive()
        assert (payload_id(first) == annotation_id_to_urlsafe(annotation.id)) is is_heard

    def test_replies_are_heard_of_by_any_ancestor(self, service: Any, world: Any) -> None:
        root, parent = world.annotation(), world.annotation()
        reply = world.annotation(references=[root.id, parent.id])
        with service.client() as client:
            client.subscribe(references=annotation_id_to_urlsafe(root.id), id=annotation_id_to_urlsafe(root.id))
            world.publish(AnnotationCreated, annotation=parent)
            world.publish(AnnotationCreated, annotation=reply)
            world.publish(AnnotationUpdated, annotation=root)
            heard = [payload_id(client.receive()) for _ in range(2)]
        assert heard == [annotation_id_to_urlsafe(reply.id), annotation_id_to_urlsafe(root.id)]

    def test_groups_by_pubid(self, service: Any, world: Any) -> None:
        group = world.group("open")
        annotation = world.annotation(group=group)
        with service.client() as client:
            client.subscribe(group=group.pubid)
            world.publish(AnnotationCreated, annotation=world.annotation(group=world.group("open")))
            world.publish(AnnotationCreated, annotation=annotation)
            assert payload_id(client.receive()) == annotation_id_to_urlsafe(annotation.id)

    def test_one_that_matches_twice_is_sent_once(self, service: Any, world: Any, new_page: NewPage) -> None:
        page, group = new_page(), world.group("open")
        first, second = (world.annotation(group=group, target_uri=page) for _ in range(2))
        with service.client() as client:
            client.subscribe(group=group.pubid, uri=[page])
            world.publish(AnnotationCreated, annotation=first)
            world.publish(AnnotationCreated, annotation=second)
            heard = [payload_id(client.receive()) for _ in range(2)]
        assert heard == [annotation_id_to_urlsafe(first.id), annotation_id_to_urlsafe(second.id)]

    def test_a_new_filter_replaces_the_old_one(self, service: Any, world: Any, new_page: NewPage) -> None:
        before, after = new_page(), new_page()
        old, new = world.annotation(target_uri=before), world.annotation(target_uri=after)
        with service.client() as client:
            client.subscribe(uri=[before])
            client.subscribe(uri=[after])
            world.publish(AnnotationCreated, annotation=old)
            world.publish(AnnotationCreated, annotation=new)
            assert payload_id(client.receive()) == annotation_id_to_urlsafe(new.id)

    def test_a_refused_filter_leaves_the_old_one(self, service: Any, world: Any, new_page: NewPage) -> None:
        page = new_page()
        annotation = world.annotation(target_uri=page)
        with service.client() as client:
            client.subscribe(uri=[page])
            assert client.ask({"type": "filter", "filter": {}, "id": 1})["ok"] is False
            world.publish(AnnotationCreated, annotation=annotation)
            assert payload_id(client.receive()) == annotation_id_to_urlsafe(annotation.id)

    def test_more_sockets_than_are_written_in_a_row_all_hear(
        self, make_service: Callable[..., Any], world: Any, new_page: NewPage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hwebsocket.writes._WRITES_IN_A_ROW", 2)
        monkeypatch.setattr("hwebsocket.broadcast._CHOICES_IN_A_ROW", 2)
        service, page = make_service(), new_page()
        with ExitStack() as stack:
            clients = [stack.enter_context(service.client()) for _ in range(5)]
            for client in clients:
                client.subscribe(uri=[page])
            world.publish(AnnotationCreated, annotation=world.annotation(target_uri=page))
            assert all(client.receive()["options"] == {"action": "create"} for client in clients)
