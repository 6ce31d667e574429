"""The rules of groups: what their types mean, and what members may do to each other.

Source: specification of the API, section 2.6.
"""

from typing import Final, Literal

from hcommon.auth import Principal
from hcommon.models.group import MODERATING_ROLES, JoinableBy, ReadableBy, Role, WriteableBy

GroupType = Literal["private", "restricted", "open"]

GROUP_TYPES: Final[tuple[GroupType, ...]] = ("private", "restricted", "open")

ACCESS: Final[dict[GroupType, tuple[JoinableBy, ReadableBy, WriteableBy]]] = {
    "private": (JoinableBy.AUTHORITY, ReadableBy.MEMBERS, WriteableBy.MEMBERS),
    "restricted": (JoinableBy.NOBODY, ReadableBy.WORLD, WriteableBy.MEMBERS),
    "open": (JoinableBy.NOBODY, ReadableBy.WORLD, WriteableBy.AUTHORITY),
}
"""Who may join, read and write."""

_EVERY_ROLE: Final = tuple(Role)
_BELOW_OWNER: Final = (Role.MEMBER, Role.MODERATOR, Role.ADMIN)
_BELOW_ADMIN: Final = (Role.MEMBER, Role.MODERATOR)

_REMOVABLE: Final[dict[Role, frozenset[Role]]] = {
    Role.OWNER: frozenset(_EVERY_ROLE),
    Role.ADMIN: frozenset(_BELOW_ADMIN),
    Role.MODERATOR: frozenset({Role.MEMBER}),
    Role.MEMBER: frozenset(),
}
"""Whom else a member of a role may remove."""

_OWN_ROLES: Final[dict[Role, tuple[Role, ...]]] = {
    Role.OWNER: _EVERY_ROLE,
    Role.ADMIN: _BELOW_OWNER,
    Role.MODERATOR: _BELOW_ADMIN,
    Role.MEMBER: (),
}
"""Roles that a member of a role may take."""


def may_edit(principal: Principal, *, group_id: int, authority: str) -> bool:
    """Return whether the principal may change a group: who moderates it may, and a client of its authority."""
    if principal.client is not None and principal.client.authority == authority:
        return True
    return principal.roles.get(group_id) in MODERATING_ROLES


def may_join(principal: Principal, *, joinable_by: str | None, authority: str) -> bool:
    """Return whether the principal may become a member without being asked."""
    return principal.user_id is not None and joinable_by == JoinableBy.AUTHORITY and principal.authority == authority


def may_remove(actor: Role | None, target: Role, *, own: bool) -> bool:
    """Return whether somebody may end a membership.

    Args:
        actor: Role of who wants to; None for somebody who is no member.
        target: Role of the membership.
        own: It is the actor's own: everybody may leave.
    """
    if actor is None:
        return False
    return own or target in _REMOVABLE[actor]


def assignable_roles(actor: Role | None, target: Role, *, own: bool) -> tuple[Role, ...]:
    """Return the roles that somebody may give to a member, the humblest first, the present one too.

    Args:
        actor: Role of who wants to; None for somebody who is no member.
        target: Role that the member has.
        own: It is the actor's own.
    """
    if actor is None:
        return ()
    if own:
        return _OWN_ROLES[actor]
    if actor is Role.OWNER:
        return _EVERY_ROLE
    return _BELOW_ADMIN if actor is Role.ADMIN and target in _BELOW_ADMIN else ()


def actions(actor: Role | None, target: Role, *, own: bool) -> list[str]:
    """Return the API's names of what somebody may do to a membership."""
    removal = ["delete"] if may_remove(actor, target, own=own) else []
    return removal + [f"updates.roles.{role.value}" for role in assignable_roles(actor, target, own=own)]
