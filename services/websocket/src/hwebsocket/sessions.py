"""Keeps open sockets in step with their user: what it may read, and whether it is still signed in.

A change of memberships takes effect with the event that tells of it; every socket of the user hears of it with the
user's own profile as it is by then, since the client replaces what it knows by that and lists its groups again.

Source: specification of the API, sections 3.3 and 14; specification of the client, section 3.
"""

import asyncio
from collections.abc import Collection, Mapping
from typing import Final
from uuid import UUID

import orjson
from hcommon.auth import Principal
from hcommon.events.accounts import GrantRevoked
from hcommon.events.groups import GroupUpdated, MembershipChanged, MembershipCreated, MembershipDeleted, MembershipEvent

from hwebsocket.connection import CloseReason
from hwebsocket.frames import text_frame
from hwebsocket.loading import Loaded, Loader
from hwebsocket.registry import Registry
from hwebsocket.writes import Writes

JOIN: Final = "group-join"
LEAVE: Final = "group-leave"
ROLE: Final = "group-role"
UPDATE: Final = "group-update"


class Sessions:
    """Replaces principals, tells of it, and ends sockets."""

    def __init__(self, *, registry: Registry, loader: Loader, writes: Writes) -> None:
        self._registry = registry
        self._loader = loader
        self._writes = writes

    async def membership_created(self, event: MembershipCreated, loaded: Loaded) -> None:
        """Let a new member hear of the group."""
        await self._member_changed(event, loaded, action=JOIN)

    async def membership_changed(self, event: MembershipChanged, loaded: Loaded) -> None:
        """Let a member see what its new role may."""
        await self._member_changed(event, loaded, action=ROLE)

    async def membership_deleted(self, event: MembershipDeleted, loaded: Loaded) -> None:
        """Let a former member hear of the group no more."""
        await self._member_changed(event, loaded, action=LEAVE)

    async def group_updated(self, event: GroupUpdated, loaded: Loaded) -> None:
        """Tell the members, in whose profiles the group's name stands."""
        for user_id, member in loaded.members.items():
            if event.group_id in member.principal.roles:
                self._refresh(user_id, loaded, action=UPDATE)

    async def grant_revoked(self, event: GrantRevoked, loaded: Loaded) -> None:  # noqa: ARG002 - one signature for all
        """Close the sockets that a grant had opened."""
        self._close(event.grant_id)

    async def review(self, ended: Collection[UUID], principals: Mapping[int, Principal]) -> None:
        """Make good what was missed while no events came: end sockets, and let the others see what they now may.

        Args:
            ended: Grants that are over.
            principals: Users with open sockets as they are now, by key.
        """
        for grant_id in ended:
            self._close(grant_id)
        for user_id in self._registry.user_ids():
            principal = principals.get(user_id)
            for connection in self._registry.by_user(user_id):
                if principal is not None and connection.principal.roles != principal.roles:
                    connection.principal = principal

    def _close(self, grant_id: UUID) -> None:
        for connection in self._registry.revoke(grant_id):
            connection.close(CloseReason.REVOKED)

    async def _member_changed(self, event: MembershipEvent, loaded: Loaded, *, action: str) -> None:
        self._registry.note_change(event.user_id)
        if event.user_id not in loaded.members and self._registry.by_user(event.user_id):
            # The user's first socket opened after the batch was read, perhaps with what was true before.
            loaded = await asyncio.to_thread(self._loader.load, [event])
        self._refresh(event.user_id, loaded, action=action)

    def _refresh(self, user_id: int, loaded: Loaded, *, action: str) -> None:
        member = loaded.members.get(user_id)
        if member is None:  # without a socket here, or deleted: then its grants are revoked
            return
        frame = text_frame(orjson.dumps({"type": "session-change", "action": action, "model": member.profile}))
        for connection in self._registry.by_user(user_id):
            connection.principal = member.principal
            self._writes.add(connection, frame)
