"""The routes of annotations: shapes, statuses and who may do what."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from hcommon.events.annotations import AnnotationUpdated
from hcommon.ids import annotation_id_from_urlsafe, annotation_id_to_urlsafe
from hcommon.models import Annotation, Flag, User
from hcommon.models.group import Role
from hcommon.testing.clock import START, FrozenClock
from hcommon.testing.factories import add_member, make_annotation, make_group, recorded_events
from sqlalchemy import event, select, update
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

Person = Any  # what the fixtures of conftest.py give
URI = "https://example.com/page"
NOT_FOUND = {"status": "failure", "reason": "There is nothing here, or you may not see it."}
SELECTORS = [{"type": "TextQuoteSelector", "exact": "a\x00b", "prefix": "", "x": {"y": [1, None]}}, {"type": "Other"}]


def row(session: Session, annotation: dict[str, Any]) -> Annotation:
    """Return the stored annotation as it is now."""
    key = annotation_id_from_urlsafe(annotation["id"])
    query = select(Annotation).where(Annotation.id == key).execution_options(populate_existing=True)
    return session.scalars(query).one()


@contextmanager
def statements(session: Session) -> Iterator[list[str]]:
    """Collect the statements that are sent meanwhile."""
    sent: list[str] = []

    def collect(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        if "SAVEPOINT" not in statement:
            sent.append(statement)

    connection = session.connection()
    event.listen(connection.engine, "before_cursor_execute", collect)
    yield sent
    event.remove(connection.engine, "before_cursor_execute", collect)


class TestCreate:
    def test_answers_with_the_whole_annotation(self, alice: Person) -> None:
        created = alice.share(
            text="note",
            tags=["a", "a", " b "],
            uri=f"  {URI}  ",
            target=[{"source": "ignored", "description": "d", "selector": SELECTORS}],
            document={"title": ["T"], "link": [{"href": "https://example.com/other"}]},
            metadata={"secret": 1},
            custom={"deep": [1, {"x": None}]},
        )
        annotation_id = created["id"]
        assert len(annotation_id) == 22
        now = "2026-01-02T03:04:05.678901+00:00"
        assert created == {
            "id": annotation_id,
            "created": now,
            "updated": now,
            "user": "acct:alice@example.org",
            "uri": URI,
            "text": "note",
            "tags": ["a", "a", " b "],
            "group": "__world__",
            "moderation_status": "APPROVED",
            "permissions": {
                "read": ["group:__world__"],
                "admin": ["acct:alice@example.org"],
                "update": ["acct:alice@example.org"],
                "delete": ["acct:alice@example.org"],
            },
            "target": [{"source": URI, "description": "d", "selector": SELECTORS}],
            "document": {"title": ["T"]},
            "links": {
                "html": f"http://example.org/a/{annotation_id}",
                "json": f"http://example.org/api/annotations/{annotation_id}",
            },
            "actions": [],
            "mentions": [],
            "user_info": {"display_name": None},
            "flagged": False,
            "hidden": False,
            "custom": {"deep": [1, {"x": None}]},
        }

    def test_the_next_read_shows_the_same(self, alice: Person) -> None:
        created = alice.share(text="note", target=[{"selector": SELECTORS}], custom="x")
        assert alice.read(created) == created

    def test_a_bare_address_is_a_private_page_note(self, alice: Person) -> None:
        created = alice.create()
        assert (created["text"], created["tags"], created["document"]) == ("", [], {})
        assert created["target"] == [{"source": URI}]
        assert created["permissions"]["read"] == ["acct:alice@example.org"]
        assert created["moderation_status"] is None
        assert "references" not in created

    @pytest.mark.parametrize("target", [[], [{}], [{"source": "x"}], [{"selector": []}]])
    def test_a_target_without_selectors_has_no_key_for_them(self, alice: Person, target: list[object]) -> None:
        assert alice.create(target=target)["target"] == [{"source": URI}]

    def test_only_the_first_target_counts(self, alice: Person) -> None:
        created = alice.create(target=[{"description": "1"}, {"description": "2", "selector": SELECTORS}])
        assert created["target"] == [{"source": URI, "description": "1"}]

    def test_what_the_client_sends_beside_is_ignored_or_kept(self, alice: Person) -> None:
        sent = {
            "id": "x",
            "created": "2000",
            "updated": "2000",
            "user": "acct:bob@example.org",
            "userid": "x",
            "groupid": "x",
            "user_info": {"display_name": "Eve"},
            "links": {"html": "https://evil.example"},
            "actions": ["moderate"],
            "mentions": [1],
            "flagged": True,
            "hidden": True,
            "moderation": {"flagCount": 7},
            "moderation_status": "DENIED",
        }
        plain, created = alice.create(), alice.create(**sent, extra={"k": 1}, other=None)
        assert created.keys() == plain.keys() | {"extra", "other"}
        assert (created["user"], created["hidden"], created["actions"]) == ("acct:alice@example.org", False, [])
        assert (created["extra"], created["other"]) == ({"k": 1}, None)

    def test_anonymous_callers_are_not_found(self, client: TestClient, alice: Person) -> None:
        for body in ({"uri": URI}, {"uri": 5}):
            response = client.post("/api/annotations", json=body)
            assert (response.status_code, response.json()) == (404, NOT_FOUND)

    @pytest.mark.parametrize("body", ["", "{", "[]", "null", '"x"', '{"uri": "\\ud800"}', "[" * 2000])
    def test_other_bodies_are_refused(self, alice: Person, body: str) -> None:
        response = alice.request("POST", "/api/annotations", content=body)
        assert response.status_code == 400
        assert response.json()["reason"].startswith("The body ")

    def test_a_user_of_another_authority_has_no_html_page_and_no_public_group(
        self, alice: Person, person: Callable[..., Person], session: Session
    ) -> None:
        guest = person(authority="elsewhere.example")
        assert guest.refused(uri=URI).startswith("group: ")
        group = make_group(session, kind="open", authority="elsewhere.example")
        assert guest.share(group.pubid)["links"].keys() == {"json"}

    def test_the_number_of_statements_is_small_and_constant(self, alice: Person, session: Session) -> None:
        def many(number: int) -> dict[str, Any]:
            return {
                "tags": [f"t{n}" for n in range(number)],
                "target": [{"selector": [{"type": "X"}] * number}],
                "document": {
                    "title": "T",
                    "dc": {f"n{n}": ["v"] for n in range(number)},
                    "link": [{"href": f"https://example.com/{number}/{n}"} for n in range(number)],
                },
            }

        counts = []
        for number in (1, 50):
            for _ in range(2):
                with statements(session) as sent:
                    alice.share(uri=f"https://example.com/new/{number}", **many(number))
                counts.append(len(sent))
        assert counts == [9, 7, 9, 7]

    def test_a_reply_needs_no_more_statements(self, alice: Person, session: Session) -> None:
        root = alice.share()
        with statements(session) as sent:
            alice.share(references=[root["id"]], target=[{"source": URI}], document={"title": ""})
        assert len(sent) == 7


class TestRead:
    def test_everybody_reads_what_is_shared_in_public(self, alice: Person, client: TestClient) -> None:
        created = alice.share()
        response = client.get(alice.path(created))
        assert response.status_code == 200
        assert response.json()["permissions"]["read"] == ["group:__world__"]

    def test_others_and_anonymous_do_not_find_private_ones(
        self, alice: Person, bob: Person, client: TestClient
    ) -> None:
        created = alice.create()
        assert alice.read(created) is not None
        for response in (client.get(alice.path(created)), bob.request("GET", alice.path(created))):
            assert (response.status_code, response.json()) == (404, NOT_FOUND)

    @pytest.mark.parametrize(
        "annotation_id", ["x", "x" * 20, "x" * 22, "x" * 23, "AAAAAAAAAAAAAAAAAAAAAA", "%25", "é" * 22]
    )
    def test_other_ids_are_not_found(self, client: TestClient, alice: Person, annotation_id: str) -> None:
        for method in ("GET", "PATCH", "PUT", "DELETE"):
            arguments = {"json": {}} if method in ("PATCH", "PUT") else {}
            response = alice.request(method, alice.path(annotation_id), **arguments)
            assert (response.status_code, response.json()) == (404, NOT_FOUND)

    def test_members_read_what_is_shared_in_their_group(self, alice: Person, bob: Person, session: Session) -> None:
        group = make_group(session)
        add_member(session, group=group, user=alice.user)
        created = alice.share(group.pubid)
        assert created["permissions"]["read"] == [f"group:{group.pubid}"]
        assert bob.read(created) is None
        add_member(session, group=group, user=bob.user)
        assert bob.read(created) == created

    def test_an_open_group_reads_as_the_world(self, alice: Person, client: TestClient, session: Session) -> None:
        group = make_group(session, kind="open")
        created = alice.share(group.pubid)
        assert created["permissions"]["read"] == ["group:__world__"]
        assert client.get(alice.path(created)).status_code == 200

    def test_a_shadow_banned_author_notices_nothing(
        self, alice: Person, bob: Person, session: Session, client: TestClient
    ) -> None:
        group = make_group(session, kind="open")
        before = alice.share(group.pubid)
        session.execute(update(User).where(User.id == alice.user.id).values(nipsa=True))
        assert alice.read(before) == before
        assert alice.share(group.pubid)["permissions"] == before["permissions"]
        assert bob.read(before) is None

    def test_moderators_see_flags_and_actions(self, alice: Person, bob: Person, session: Session) -> None:
        group = make_group(session, kind="open")
        add_member(session, group=group, user=bob.user, role=Role.MODERATOR)
        created = alice.share(group.pubid)
        session.add(Flag(annotation_id=row(session, created).id, user_id=bob.user.id, created=START))
        session.flush()
        seen = bob.read(created)
        assert (seen["actions"], seen["moderation"], seen["flagged"]) == (["moderate"], {"flagCount": 1}, True)
        assert "moderation" not in alice.read(created)

    def test_moderators_may_judge_their_own(self, bob: Person, session: Session) -> None:
        group = make_group(session, kind="open", pre_moderated=True)
        add_member(session, group=group, user=bob.user, role=Role.OWNER)
        created = bob.share(group.pubid)
        assert (created["moderation_status"], created["actions"]) == ("PENDING", ["moderate"])
        assert (created["hidden"], created["moderation"]) == (False, {"flagCount": 0})

    def test_takes_two_statements(self, alice: Person, session: Session) -> None:
        created = alice.share(tags=["a"] * 50, target=[{"selector": SELECTORS * 20}])
        with statements(session) as sent:
            alice.read(created)
        assert len(sent) == 2


class TestUpdate:
    @pytest.mark.parametrize("method", ["PATCH", "PUT"])
    def test_changes_what_is_named_and_nothing_else(
        self, alice: Person, clock: FrozenClock, session: Session, method: str
    ) -> None:
        created = alice.share(text="old", tags=["t"], target=[{"selector": SELECTORS}], custom=1)
        clock.advance(seconds=3)
        response = alice.request(method, alice.path(created), json={"text": "new"})
        assert response.status_code == 200
        assert response.json() == created | {"text": "new", "updated": "2026-01-02T03:04:08.678901+00:00"}
        assert alice.read(created) == response.json()
        assert row(session, created).revision == 2

    def test_sending_back_what_was_received_changes_nothing(self, alice: Person, session: Session) -> None:
        group = make_group(session, kind="open")
        member_group = make_group(session)
        add_member(session, group=member_group, user=alice.user)
        for created in (alice.create(), alice.share(), alice.share(group.pubid), alice.share(member_group.pubid)):
            reply = alice.create(
                group=created["group"],
                permissions={"read": created["permissions"]["read"]},
                references=[created["id"]],
                text="r",
                custom=[1],
            )
            assert alice.change(created, **created) == created
            assert alice.change(reply, **reply) == reply

    def test_everything_else_can_change(self, alice: Person) -> None:
        created = alice.share(uri="https://old.example", text="a", document={"title": "Old"}, one=1, two=2)
        changed = alice.change(
            created,
            uri=URI,
            text="",
            tags=["x"],
            permissions={"read": ["acct:alice@example.org"]},
            target=[{"selector": SELECTORS}],
            document={"title": "New"},
            metadata={"m": 1},
            two=3,
        )
        assert (changed["uri"], changed["text"], changed["tags"]) == (URI, "", ["x"])
        assert changed["target"] == [{"source": URI, "selector": SELECTORS}]
        assert changed["document"] == {"title": ["New"]}
        assert changed["permissions"]["read"] == ["acct:alice@example.org"]
        assert (changed["one"], changed["two"]) == (1, 3)

    def test_a_target_replaces_description_and_selectors(self, alice: Person) -> None:
        created = alice.create(target=[{"description": "d", "selector": SELECTORS}])
        assert alice.change(created, target=[{"source": URI}])["target"] == [{"source": URI}]

    def test_group_author_and_ancestors_stay(self, alice: Person, session: Session) -> None:
        root, other = alice.share(), make_group(session, kind="open")
        created = alice.share(references=[root["id"]])
        changed = alice.change(
            created, group=other.pubid, groupid="x", userid="x", user="x", references=["nonsense"], id="x", created=5
        )
        assert changed == created

    def test_sharing_a_private_one_again(self, alice: Person) -> None:
        created = alice.create(text="x")
        changed = alice.change(created, permissions={"read": ["group:__world__"]})
        assert changed["permissions"]["read"] == ["group:__world__"]
        assert changed["moderation_status"] == "APPROVED"

    def test_others_and_anonymous_do_not_find_it(self, alice: Person, bob: Person, client: TestClient) -> None:
        created = alice.share()
        for method in ("PATCH", "DELETE"):
            arguments = {"json": {"text": "x"}} if method == "PATCH" else {}
            for response in (
                client.request(method, alice.path(created), **arguments),
                bob.request(method, alice.path(created), **arguments),
            ):
                assert (response.status_code, response.json()) == (404, NOT_FOUND)
        assert alice.read(created) == created

    def test_takes_few_statements(self, alice: Person, session: Session) -> None:
        created = alice.share(document={"title": "T"})
        with statements(session) as sent:
            alice.change(created, **created)
        assert len(sent) == 8


class TestDelete:
    def test_answers_with_the_id(self, alice: Person, session: Session) -> None:
        created = alice.share()
        response = alice.request("DELETE", alice.path(created))
        assert (response.status_code, response.json()) == (200, {"id": created["id"], "deleted": True})
        assert (row(session, created).deleted, row(session, created).revision) == (True, 2)

    def test_afterwards_there_is_nothing(self, alice: Person) -> None:
        created = alice.share()
        alice.request("DELETE", alice.path(created))
        assert alice.read(created) is None
        for method in ("PATCH", "DELETE"):
            arguments = {"json": {}} if method == "PATCH" else {}
            assert alice.request(method, alice.path(created), **arguments).status_code == 404

    def test_replies_stay(self, alice: Person, bob: Person) -> None:
        root = alice.share()
        reply = bob.share(references=[root["id"]])
        alice.request("DELETE", alice.path(root))
        assert bob.read(reply) == reply

    def test_those_who_left_the_group_can_still_read_and_delete_but_not_change(
        self, alice: Person, session: Session
    ) -> None:
        group = make_group(session)
        membership = add_member(session, group=group, user=alice.user)
        created = alice.share(group.pubid)
        session.delete(membership)
        session.flush()
        assert alice.read(created) is not None
        for query, total in (("user=alice", 1), (f"group={group.pubid}", 0)):
            assert alice.request("GET", f"/api/search?{query}").json()["total"] == total
        assert alice.refused("PATCH", alice.path(created), text="x").startswith("group: ")
        assert alice.request("DELETE", alice.path(created)).status_code == 200


class TestLegacyIds:
    def test_old_ids_of_20_characters_work_like_others(self, alice: Person, session: Session) -> None:
        legacy = UUID("00112233-4455-e667-5788-99aabbccddee")
        annotation_id = annotation_id_to_urlsafe(legacy)
        make_annotation(session, user=alice.user, id=legacy, text="old")
        assert len(annotation_id) == 20
        assert alice.read(annotation_id)["id"] == annotation_id
        assert alice.change(annotation_id, text="new")["links"]["json"].endswith(f"/api/annotations/{annotation_id}")
        reply = alice.share(references=[annotation_id])
        assert reply["references"] == [annotation_id]
        assert alice.request("PUT", f"{alice.path(annotation_id)}/flag").status_code == 204
        found = alice.request("GET", "/api/search", params={"references": annotation_id}).json()["rows"]
        assert [row["id"] for row in found] == [reply["id"]]
        assert alice.request("DELETE", alice.path(annotation_id)).json()["id"] == annotation_id


class TestVersions:
    def test_a_search_means_the_versions_that_it_names(self, alice: Person) -> None:
        made = {
            version: alice.share(document={"version": version} if version else {})["id"] for version in (None, 1, 2)
        }

        def found(uri: str) -> set[int | None]:
            rows = alice.request("GET", "/api/search", params={"uri": uri}).json()["rows"]
            return {version for version, annotation_id in made.items() if annotation_id in [row["id"] for row in rows]}

        assert found(URI) == {None}
        assert found(f"{URI}:v1") == {1}
        assert found(f"{URI}:v0:v2") == {None, 2}
        assert found(f"{URI}:all") == {None, 1, 2}

    def test_a_change_can_name_another_one_and_0_means_none(self, alice: Person, session: Session) -> None:
        created = alice.share(document={"version": 3})
        for version, stored in ((None, 3), (4, 4), (0, None)):
            alice.change(created, document={} if version is None else {"version": version})
            assert row(session, created).document_version == stored


class TestEvents:
    def test_a_change_tells_what_the_annotation_was_before(self, alice: Person, session: Session) -> None:
        group = make_group(session, kind="open", pre_moderated=True)
        created = alice.share(group.pubid, document={"version": 3})
        before = row(session, created)
        was = (before.document_id, before.target_uri_hash)
        alice.change(created, uri="https://example.com/other", document={"version": 0}, permissions={"read": []})
        told = recorded_events(session)[-1]
        assert isinstance(told, AnnotationUpdated)
        assert told.before is not None
        assert (told.before.document_id, told.before.target_uri_hash, told.before.document_version) == (*was, 3)
        assert (told.before.shared, told.before.moderation_status) == (True, "PENDING")
