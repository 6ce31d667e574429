"""Who gets to see what is written: sharing, groups and their scopes, and moderation."""

from collections.abc import Callable
from typing import Any

import pytest
from hcommon.ids import annotation_id_from_urlsafe
from hcommon.models import Annotation, Group, GroupScope
from hcommon.models.group import ReadableBy, Role
from hcommon.testing.factories import add_member, make_group
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

Person = Any  # what the fixtures of conftest.py give
URI = "https://example.com/page"


def is_shared(annotation: dict[str, Any]) -> bool:
    """Return whether the client would show it as shared."""
    [read] = annotation["permissions"]["read"]
    return bool(read.startswith("group:"))


@pytest.fixture
def private(session: Session, alice: Person) -> Group:
    """A private group of alice's."""
    group = make_group(session)
    add_member(session, group=group, user=alice.user)
    return group


class TestPermissions:
    @pytest.mark.parametrize(
        ("read", "shared"),
        [
            (["group:__world__"], True),
            (["acct:alice@example.org"], False),
            ([], False),
            (["group:other"], False),
            (["group:__world__", "acct:alice@example.org"], False),
            (["group:__world__", "group:__world__"], False),
        ],
    )
    def test_in_public_only_the_public_group_alone_shares(self, alice: Person, read: list[str], shared: bool) -> None:
        assert is_shared(alice.create(permissions={"read": read})) is shared

    def test_in_an_open_group_both_the_group_and_the_world_share(self, alice: Person, session: Session) -> None:
        group = make_group(session, kind="open")
        for read in (f"group:{group.pubid}", "group:__world__"):
            assert is_shared(alice.create(group=group.pubid, permissions={"read": [read]}))

    def test_in_a_private_group_the_world_does_not_share(self, alice: Person, private: Group) -> None:
        assert not is_shared(alice.create(group=private.pubid, permissions={"read": ["group:__world__"]}))
        assert is_shared(alice.create(group=private.pubid, permissions={"read": [f"group:{private.pubid}"]}))

    def test_only_read_matters(self, alice: Person) -> None:
        permissions = {"read": ["group:__world__"], "update": [], "delete": ["acct:x"], "admin": ["group:y"]}
        created = alice.create(permissions=permissions)
        assert is_shared(created)
        assert created["permissions"]["update"] == ["acct:alice@example.org"]

    def test_an_update_without_permissions_leaves_it_as_it_was(self, alice: Person) -> None:
        for created in (alice.create(), alice.share()):
            assert alice.change(created, text="x")["permissions"] == created["permissions"]

    def test_an_update_can_make_private_and_share_again(self, alice: Person, private: Group) -> None:
        created = alice.share(private.pubid)
        hidden = alice.change(created, permissions={"read": ["acct:alice@example.org"]})
        assert not is_shared(hidden)
        assert is_shared(alice.change(created, permissions={"read": [f"group:{private.pubid}"]}))

    def test_what_was_shared_stays_shared_when_its_group_was_closed_meanwhile(
        self, alice: Person, session: Session
    ) -> None:
        group = make_group(session, kind="open")
        shared, secret = alice.share(group.pubid), alice.create(group=group.pubid)
        session.execute(update(Group).where(Group.id == group.id).values(readable_by=ReadableBy.MEMBERS))
        assert alice.change(shared, **shared)["permissions"]["read"] == [f"group:{group.pubid}"]
        assert not is_shared(alice.change(secret, permissions={"read": ["group:__world__"]}))


class TestGroups:
    def test_an_unknown_group_and_one_of_others_are_the_same_error(self, alice: Person, session: Session) -> None:
        reasons = {
            alice.refused(uri=URI, group=name) for name in ("nothing", "", "group:x@y", make_group(session).pubid)
        }
        assert len(reasons) == 1
        assert reasons.pop().startswith("group: ")

    def test_a_restricted_group_is_for_members(self, alice: Person, bob: Person, session: Session) -> None:
        group = make_group(session, kind="restricted")
        add_member(session, group=group, user=alice.user)
        assert alice.share(group.pubid)["group"] == group.pubid
        assert bob.refused(uri=URI, group=group.pubid).startswith("group: ")

    def test_a_group_goes_by_its_groupid_too(
        self, world: Group, person: Callable[..., Person], session: Session
    ) -> None:
        guest = person(authority="lms.example")
        group = make_group(session, authority="lms.example", authority_provided_id="class-1")
        add_member(session, group=group, user=guest.user)
        groupid = "group:class-1@lms.example"
        for read in (groupid, f"group:{groupid}", f"group:{group.pubid}"):
            created = guest.create(group=groupid, permissions={"read": [read]})
            assert created["group"] == group.pubid
            assert is_shared(created)


class TestScopes:
    @pytest.fixture
    def scoped(self, session: Session, alice: Person) -> Group:
        group = make_group(session, kind="open")
        session.add_all(
            [
                GroupScope(group_id=group.id, origin="https://example.com", path="/a"),
                GroupScope(group_id=group.id, origin="https://example.org", path=""),
            ]
        )
        session.flush()
        return group

    @pytest.mark.parametrize("uri", ["https://example.com/a/b", "https://EXAMPLE.com/a#x", "https://example.org"])
    def test_pages_inside_are_welcome(self, alice: Person, scoped: Group, uri: str) -> None:
        assert alice.share(scoped.pubid, uri=uri)["uri"] == uri

    @pytest.mark.parametrize(
        "uri", ["https://example.com/ab", "https://example.org.evil.example/", "http://example.org", "urn:x"]
    )
    def test_pages_outside_are_refused(self, alice: Person, scoped: Group, uri: str) -> None:
        assert alice.refused(uri=uri, group=scoped.pubid).startswith("group scope: ")
        created = alice.share(scoped.pubid, uri="https://example.org")
        assert alice.refused("PATCH", alice.path(created), uri=uri).startswith("group scope: ")

    def test_a_group_may_leave_it_to_its_members(self, alice: Person, scoped: Group, session: Session) -> None:
        session.execute(update(Group).where(Group.id == scoped.id).values(enforce_scope=False))
        assert alice.share(scoped.pubid)["uri"] == URI


class TestReplies:
    def test_belong_to_the_group_of_their_root(self, alice: Person, private: Group) -> None:
        root = alice.share(private.pubid)
        for group in ({}, {"group": "nonsense"}, {"group": private.pubid}):
            reply = alice.create(references=[root["id"]], **group)
            assert (reply["group"], reply["references"]) == (private.pubid, [root["id"]])

    def test_are_shared_with_the_group_of_the_request_or_of_the_root(self, alice: Person, private: Group) -> None:
        root = alice.share(private.pubid)
        for read, shared in (
            ("group:__world__", True),
            (f"group:{private.pubid}", True),
            ("group:nonsense", False),
            ("acct:alice@example.org", False),
        ):
            assert is_shared(alice.create(references=[root["id"]], permissions={"read": [read]})) is shared

    def test_take_the_version_of_the_document_unless_they_name_one(self, alice: Person, session: Session) -> None:
        root = alice.share(document={"version": 3})
        documents = ({}, {"document": {"title": ""}}, {"document": {"version": 5}}, {"document": {"version": 0}})
        replies = [alice.share(references=[root["id"]], **document) for document in documents]
        keys = [annotation_id_from_urlsafe(reply["id"]) for reply in replies]
        stored = [session.scalar(select(Annotation.document_version).where(Annotation.id == key)) for key in keys]
        assert stored == [3, 3, 5, None]

    def test_need_a_root_that_was_there_once(self, alice: Person) -> None:
        root = alice.share()
        alice.request("DELETE", alice.path(root))
        assert alice.share(references=[root["id"]])["references"] == [root["id"]]
        assert alice.refused(uri=URI, references=["AZuGJQxNf0mAAAAAAAAAAA"]).startswith("references.0: ")

    def test_keep_ancestors_that_are_gone(self, alice: Person) -> None:
        root = alice.share()
        references = [root["id"], "AZuGJQxNf0mAAAAAAAAAAA"]
        assert alice.share(references=references)["references"] == references

    def test_need_permission_to_write_to_the_group(self, alice: Person, bob: Person, private: Group) -> None:
        root = alice.share(private.pubid)
        assert bob.refused(uri=URI, references=[root["id"]]).startswith("group: ")


class TestModeration:
    @pytest.fixture
    def moderated(self, session: Session, bob: Person) -> Group:
        """A pre-moderated group whose moderator is bob."""
        group = make_group(session, kind="open", pre_moderated=True)
        add_member(session, group=group, user=bob.user, role=Role.MODERATOR)
        return group

    def test_what_is_new_waits_for_a_moderator(
        self, alice: Person, bob: Person, person: Callable[..., Person], moderated: Group, client: TestClient
    ) -> None:
        created = alice.share(moderated.pubid)
        assert (created["moderation_status"], created["hidden"]) == ("PENDING", False)
        assert created["permissions"]["read"] == [f"group:{moderated.pubid}"]
        assert bob.read(created)["hidden"] is True
        assert person().read(created) is None
        assert client.get(alice.path(created)).status_code == 404

    def test_what_is_private_is_not_judged(self, alice: Person, moderated: Group) -> None:
        assert alice.create(group=moderated.pubid)["moderation_status"] is None

    @pytest.mark.parametrize(
        ("pre_moderated", "before", "after"),
        [
            (False, None, "APPROVED"),
            (False, "APPROVED", "APPROVED"),
            (False, "DENIED", "PENDING"),
            (False, "PENDING", "PENDING"),
            (False, "SPAM", "SPAM"),
            (True, None, "PENDING"),
            (True, "APPROVED", "PENDING"),
            (True, "DENIED", "PENDING"),
            (True, "PENDING", "PENDING"),
            (True, "SPAM", "SPAM"),
        ],
    )
    @pytest.mark.parametrize("was_shared", [True, False])
    def test_a_change_of_what_is_shared_is_judged_anew(
        self,
        alice: Person,
        session: Session,
        *,
        pre_moderated: bool,
        before: str | None,
        after: str,
        was_shared: bool,
    ) -> None:
        group = make_group(session, kind="open", pre_moderated=pre_moderated)
        created = alice.share(group.pubid)
        key = annotation_id_from_urlsafe(created["id"])
        values = {"moderation_status": before, "shared": was_shared}
        session.execute(update(Annotation).where(Annotation.id == key).values(values))
        changed = alice.change(created, permissions={"read": [f"group:{group.pubid}"]})
        assert changed["moderation_status"] == after

    @pytest.mark.parametrize("pre_moderated", [True, False])
    @pytest.mark.parametrize("status", ["APPROVED", "PENDING", "DENIED", "SPAM"])
    def test_making_private_keeps_the_verdict(
        self, alice: Person, session: Session, pre_moderated: bool, status: str
    ) -> None:
        group = make_group(session, kind="open", pre_moderated=pre_moderated)
        created = alice.share(group.pubid)
        key = annotation_id_from_urlsafe(created["id"])
        session.execute(update(Annotation).where(Annotation.id == key).values(moderation_status=status))
        changed = alice.change(created, permissions={"read": ["acct:alice@example.org"]})
        assert changed["moderation_status"] == status
        assert not is_shared(changed)
