"""Sockets in step with their user: memberships, roles and grants that change while they are open."""

import threading
from collections.abc import Callable
from typing import Any

from hcommon.events.accounts import GrantRevoked
from hcommon.events.annotations import AnnotationCreated
from hcommon.events.groups import GroupUpdated, MembershipChanged, MembershipCreated, MembershipDeleted
from hcommon.ids import WORLD_GROUP, annotation_id_to_urlsafe
from hcommon.models import Group, GroupMembership, Token, User
from hcommon.models.annotation import ModerationStatus
from hcommon.models.group import Role
from sqlalchemy import delete, update

MakeService = Callable[..., Any]


def put(world: Any, user: User, group: Group, role: Role) -> None:
    with world.session() as session:
        session.execute(
            update(GroupMembership)
            .where(GroupMembership.user_id == user.id, GroupMembership.group_id == group.id)
            .values(role=role.value)
        )
    world.publish(MembershipChanged, group_id=group.id, user_id=user.id)


def join(world: Any, user: User, group: Group) -> None:
    world.membership(user, group)
    world.publish(MembershipCreated, group_id=group.id, user_id=user.id)


def leave(world: Any, user: User, group: Group) -> None:
    with world.session() as session:
        session.execute(
            delete(GroupMembership).where(GroupMembership.user_id == user.id, GroupMembership.group_id == group.id)
        )
    world.publish(MembershipDeleted, group_id=group.id, user_id=user.id)


def groups_of(message: Any) -> list[str]:
    return [group["id"] for group in message["model"]["groups"]]


class Listener:
    """A user's socket that hears of a group, and always of the public group's marker."""

    def __init__(self, client: Any, world: Any, group: Group) -> None:
        self.client, self._world, self._group = client, world, group
        self._marker = world.annotation()
        client.subscribe(group=group.pubid, id=annotation_id_to_urlsafe(self._marker.id))

    def hears_of(self, **columns: Any) -> bool:
        """Publish an annotation in the group; return whether it arrives before the marker."""
        annotation = self._world.annotation(group=self._group, **columns)
        self._world.publish(AnnotationCreated, annotation=annotation)
        self._world.publish(AnnotationCreated, annotation=self._marker)
        found = self.client.receive()["payload"][0]["id"]
        if found == annotation_id_to_urlsafe(self._marker.id):
            return False
        assert found == annotation_id_to_urlsafe(annotation.id)
        assert self.client.receive()["payload"][0]["id"] == annotation_id_to_urlsafe(self._marker.id)
        return True


class TestJoining:
    def test_the_user_hears_of_the_group_at_once_and_is_told_to_list_it(self, service: Any, world: Any) -> None:
        user, group = world.user(display_name="Joe Ining"), world.group("private")
        with service.client(token=world.token(user)) as client:
            listener = Listener(client, world, group)
            assert not listener.hears_of()
            join(world, user, group)
            message = client.receive()
            assert message.keys() == {"type", "action", "model"}
            assert (message["type"], message["action"]) == ("session-change", "group-join")
            assert message["model"]["userid"] == f"acct:{user.username}@example.org"
            assert message["model"]["user_info"] == {"display_name": "Joe Ining"}
            assert isinstance(message["model"]["features"], dict)
            assert isinstance(message["model"]["preferences"], dict)
            assert groups_of(message) == [WORLD_GROUP, group.pubid]
            assert listener.hears_of()

    def test_every_socket_of_the_user_is_told_and_no_others(self, service: Any, world: Any) -> None:
        user, other, group = world.user(), world.user(), world.group("open")
        first, second = world.token(user), world.token(user)
        with (
            service.client(token=first) as one,
            service.client(token=second) as two,
            service.client(token=world.token(other)) as stranger,
            service.client() as anybody,
        ):
            for client in (one, two, stranger, anybody):
                client.sync()
            join(world, user, group)
            assert one.receive() == two.receive()
            stranger.sync()
            anybody.sync()

    def test_the_profile_is_that_of_the_recipient_even_without_a_filter(self, service: Any, world: Any) -> None:
        admin, user = world.user(), world.user()
        group = world.group("restricted", owner=admin)
        with service.client(token=world.token(user)) as client:
            client.sync()
            join(world, user, group)
            assert client.receive()["model"]["userid"] == f"acct:{user.username}@example.org"


class TestLeaving:
    def test_the_user_hears_of_the_group_no_more(self, service: Any, world: Any) -> None:
        user = world.user()
        group = world.group("private", member=user)
        with service.client(token=world.token(user)) as client:
            listener = Listener(client, world, group)
            assert listener.hears_of()
            leave(world, user, group)
            message = client.receive()
            assert message["action"] == "group-leave"
            assert groups_of(message) == [WORLD_GROUP]
            assert not listener.hears_of()

    def test_several_changes_in_a_row_end_in_what_is_true(self, service: Any, world: Any) -> None:
        user, group = world.user(), world.group("private")
        with service.client(token=world.token(user)) as client:
            listener = Listener(client, world, group)
            for _ in range(3):
                join(world, user, group)
                leave(world, user, group)
            messages = [client.receive() for _ in range(6)]
            assert [message["action"] for message in messages] == ["group-join", "group-leave"] * 3
            assert groups_of(messages[-1]) == [WORLD_GROUP]
            assert not listener.hears_of()


class TestRoles:
    def test_a_new_moderator_sees_what_is_pending_and_a_former_one_does_not(self, service: Any, world: Any) -> None:
        user = world.user()
        group = world.group("open", member=user)
        pending = {"moderation_status": ModerationStatus.PENDING}
        with service.client(token=world.token(user)) as client:
            listener = Listener(client, world, group)
            assert not listener.hears_of(**pending)
            put(world, user, group, Role.MODERATOR)
            message = client.receive()
            assert (message["type"], message["action"]) == ("session-change", "group-role")
            assert listener.hears_of(**pending)
            put(world, user, group, Role.MEMBER)
            client.receive()
            assert not listener.hears_of(**pending)
            assert listener.hears_of()


class TestGroupUpdated:
    def test_members_are_told_its_new_name_and_strangers_nothing(self, service: Any, world: Any) -> None:
        member, stranger = world.user(), world.user()
        group = world.group("private", member=member)
        with (
            service.client(token=world.token(member)) as client,
            service.client(token=world.token(stranger)) as other,
        ):
            client.sync()
            other.sync()
            with world.session() as session:
                session.execute(update(Group).where(Group.id == group.id).values(name="Renamed"))
            world.publish(GroupUpdated, group_id=group.id)
            message = client.receive()
            assert message["action"] == "group-update"
            assert message["model"]["groups"][-1]["name"] == "Renamed"
            other.sync()


class TestOvertaken:
    def test_a_handshake_that_a_change_overtook_is_looked_up_again(self, make_service: MakeService, world: Any) -> None:
        service, user, group = make_service(), world.user(), world.group("private")
        registry, authenticator = service.service.registry, service.service._parts.authenticator
        look_up, calls = authenticator._look_up, []

        def look_up_and_be_overtaken(token: str) -> Any:
            principal = look_up(token)
            calls.append(principal)
            if len(calls) == 1:
                world.membership(user, group)
                service.call(lambda: registry.note_change(user.id))
            return principal

        authenticator._look_up = look_up_and_be_overtaken
        with service.client(token=world.token(user)) as client:
            assert Listener(client, world, group).hears_of()
        assert len(calls) == 2

    def test_a_socket_that_opened_after_its_batch_was_read_is_read_for_again(
        self, make_service: MakeService, world: Any
    ) -> None:
        service, user, group = make_service(), world.user(), world.group("private")
        loader = service.service._feed._loader
        load, opened, read = loader.load, threading.Event(), threading.Event()

        def load_and_wait(events: Any) -> Any:
            loaded = load(events)
            if not read.is_set():
                read.set()
                assert opened.wait(10)
            return loaded

        loader.load = load_and_wait
        event = {"group_id": group.id, "user_id": user.id}
        world.publish(MembershipCreated, **event)
        assert read.wait(10)
        with service.client(token=world.token(user)) as client:
            client.sync()
            world.membership(user, group)
            opened.set()
            assert groups_of(client.receive()) == [WORLD_GROUP, group.pubid]

    def test_a_deleted_user_is_not_told(self, service: Any, world: Any) -> None:
        user, group = world.user(), world.group("open")
        with service.client(token=world.token(user)) as client:
            client.sync()
            with world.session() as session:
                session.execute(update(User).where(User.id == user.id).values(deleted=True))
            world.publish(MembershipDeleted, group_id=group.id, user_id=user.id)
            client.sync()


class TestGrantRevoked:
    def test_closes_the_sockets_of_that_grant_alone(self, service: Any, world: Any) -> None:
        user = world.user()
        ended, lasting = world.token(user), world.token(user)
        with service.client(token=ended) as first, service.client(token=lasting) as second:
            first.subscribe(group="__world__")
            second.subscribe(group="__world__")
            world.publish(GrantRevoked, grant_id=world.grant_of(ended))
            assert first.closed() == (1008, "signed out")
            second.sync()

    def test_a_client_that_comes_back_with_the_dead_token_is_anonymous(self, service: Any, world: Any) -> None:
        token = world.token(world.user())
        grant_id = world.grant_of(token)
        with service.client(token=token) as client:
            with world.session() as session:
                session.execute(delete(Token).where(Token.grant_id == grant_id))
            world.publish(GrantRevoked, grant_id=grant_id)
            client.closed()
        with service.client(token=token) as client:
            assert client.ask({"type": "whoami", "id": 1})["userid"] is None

    def test_a_handshake_that_the_revocation_overtook_is_anonymous(
        self, make_service: Callable[..., Any], world: Any
    ) -> None:
        service, token = make_service(), world.token(world.user())
        grant_id = world.grant_of(token)
        service.call(lambda: service.service.registry.revoke(grant_id))
        with service.client(token=token) as client:
            assert client.ask({"type": "whoami", "id": 1})["userid"] is None
