"""A user's profile as the API and the socket's `session-change` show it.

Source: specification of the API, section 1.13; the client's needs, section 4.
"""

from collections.abc import Iterable, Sequence
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Connection,
    Executable,
    RowMapping,
    and_,
    any_,
    bindparam,
    literal,
    or_,
    select,
)
from sqlalchemy.orm import Session

from hcommon import features
from hcommon.auth import Principal
from hcommon.db.prepared import prepared
from hcommon.ids import WORLD_GROUP
from hcommon.models import Group, User
from hcommon.models.group import ReadableBy
from hcommon.presentation.group import group_order, group_url

# Built once: constructing a statement costs as much as executing it.
_world = and_(Group.pubid == WORLD_GROUP, Group.authority == bindparam("authority"))
_mine = Group.id == any_(bindparam("group_ids", type_=ARRAY(BigInteger)))
_group_columns = (Group.pubid, Group.name, Group.readable_by, Group.authority)
_anonymous_profile = prepared(
    select(*_group_columns, features.switched(None)).select_from(select(literal(1)).subquery()).outerjoin(Group, _world)
)
_user_profile = prepared(
    select(
        *_group_columns,
        User.show_sidebar_tutorial,
        User.show_youtube_gdpr_banner,
        User.shortcuts,
        features.switched(bindparam("user_id")),
    )
    .select_from(User)
    .outerjoin(Group, or_(_world, _mine))
    .where(User.id == bindparam("user_id"))
)


def profile_rows(connection: Connection | Session, *, principal: Principal, authority: str) -> Sequence[RowMapping]:
    """Return what a profile is made of, from one statement: a row a group, and what is no group's in each.

    Where there is no group there is one row, whose `pubid` is None.

    Args:
        connection: Where to read.
        principal: Whose profile.
        authority: Whose public group is listed: the principal's own, if it has one.
    """
    values: dict[str, Any] = {"authority": authority}
    statement: Executable = _anonymous_profile
    if principal.user_id is not None:
        statement = _user_profile
        values |= {"user_id": principal.user_id, "group_ids": list(principal.roles)}
    return connection.execute(statement, values).mappings().all()


def present_profile(
    rows: Iterable[RowMapping], *, principal: Principal, authority: str, app_url: str, site_authority: str
) -> dict[str, Any]:
    """Return the JSON values of a profile.

    Args:
        rows: Those of `profile_rows`, in any order.
        principal: Whose profile; None as `userid` is what tells clients that nobody is logged in.
        authority: As for `profile_rows`.
        app_url: Public base URL.
        site_authority: The site's own authority; groups of others have no page here.
    """
    found = list(rows)
    groups = sorted((row for row in found if row["pubid"] is not None), key=_world_first)
    profile: dict[str, Any] = {
        "userid": principal.userid,
        "authority": authority,
        "groups": [_group(row, app_url=app_url, site_authority=site_authority) for row in groups],
        "features": features.evaluate(
            found[0]["switched"] if found else None, principal=principal, site_authority=site_authority
        ),
        "preferences": _preferences(found[0]) if principal.userid is not None and found else {},
    }
    if principal.userid is not None:
        profile["user_info"] = {"display_name": principal.display_name}
    return profile


def _world_first(row: RowMapping) -> tuple[bool, tuple[str, str]]:
    return row["pubid"] != WORLD_GROUP, group_order(row)


def _group(row: RowMapping, *, app_url: str, site_authority: str) -> dict[str, Any]:
    public = row["readable_by"] == ReadableBy.WORLD
    group: dict[str, Any] = {"name": row["name"], "id": row["pubid"], "public": public}
    if not public and row["authority"] == site_authority:
        group["url"] = group_url(app_url, pubid=row["pubid"], name=row["name"])
    return group


def _preferences(row: RowMapping) -> dict[str, Any]:
    preferences: dict[str, Any] = {
        name: True for name in ("show_sidebar_tutorial", "show_youtube_gdpr_banner") if row[name]
    }
    if row["shortcuts"] is not None:
        preferences["shortcuts_preferences"] = orjson.Fragment(row["shortcuts"])
    return preferences
