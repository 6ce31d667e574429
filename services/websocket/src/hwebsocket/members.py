"""Reads whom the sockets of a user speak for, and the profile that those are sent, after a change of groups."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from hcommon.auth import Principal, principals_of_users
from hcommon.models import Grant, GroupMembership
from hcommon.presentation.annotation import LinkSettings
from hcommon.presentation.profile import present_profile, profile_rows
from sqlalchemy import ARRAY, BigInteger, Connection, Uuid, any_, bindparam, select

_of_groups = select(GroupMembership.user_id).where(
    GroupMembership.group_id == any_(bindparam("group_ids", type_=ARRAY(BigInteger))),
    GroupMembership.user_id == any_(bindparam("user_ids", type_=ARRAY(BigInteger))),
)
_of_grants = select(Grant.id).where(Grant.id == any_(bindparam("grant_ids", type_=ARRAY(Uuid))))


@dataclass(frozen=True, slots=True)
class Member:
    """One user as of now.

    Attributes:
        profile: JSON values, as `GET /api/profile` shows them to that user.
    """

    principal: Principal
    profile: dict[str, Any]


def among(connection: Connection, user_ids: Collection[int], *, group_ids: Collection[int]) -> set[int]:
    """Return those of the users who are members of one of the groups."""
    values = {"group_ids": list(group_ids), "user_ids": list(user_ids)}
    return set(connection.execute(_of_groups, values).scalars())


def load(connection: Connection, user_ids: Collection[int], *, links: LinkSettings) -> dict[int, Member]:
    """Return the users that are still there, by key."""
    principals = principals_of_users(connection, user_ids) if user_ids else {}
    return {key: Member(one, _profile(connection, one, links)) for key, one in principals.items()}


def ended_grants(connection: Connection, grant_ids: Collection[UUID]) -> set[UUID]:
    """Return those of the grants that are over."""
    return set(grant_ids) - set(connection.execute(_of_grants, {"grant_ids": list(grant_ids)}).scalars())


def _profile(connection: Connection, principal: Principal, links: LinkSettings) -> dict[str, Any]:
    authority = principal.authority or links.authority
    rows = profile_rows(connection, principal=principal, authority=authority)
    return present_profile(
        rows, principal=principal, authority=authority, app_url=links.app_url, site_authority=links.authority
    )
