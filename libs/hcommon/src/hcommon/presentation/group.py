"""Group rows to the API's JSON.

Source: specification of the API, section 1.11; the client's needs, section 2.8.
"""

import re
import unicodedata
from collections.abc import Collection
from typing import Any, Final

from sqlalchemy import RowMapping, case, func, select
from sqlalchemy.dialects.postgresql import aggregate_order_by, array

from hcommon.ids import DEFAULT_ORGANIZATION, make_groupid
from hcommon.models import Group, GroupScope, Organization
from hcommon.models.group import JoinableBy, ReadableBy, WriteableBy

EXPAND_SCOPES: Final = "scopes"
EXPAND_ORGANIZATION: Final = "organization"
EXPAND_ALL: Final = (EXPAND_ORGANIZATION, EXPAND_SCOPES)

RESERVED_SLUGS: Final = frozenset({"edit", "members", "moderate"})
"""Pages of a group that are not its first; a group of such a name has no name in its address."""

_UNWORDLY: Final = re.compile(r"[^a-z0-9]+")
_TYPES: Final = {
    (JoinableBy.AUTHORITY, ReadableBy.MEMBERS, WriteableBy.MEMBERS): "private",
    (JoinableBy.NOBODY, ReadableBy.WORLD, WriteableBy.MEMBERS): "restricted",
    (JoinableBy.NOBODY, ReadableBy.WORLD, WriteableBy.AUTHORITY): "open",
}

_scope_urls = (
    select(func.array_agg(aggregate_order_by(GroupScope.origin + GroupScope.path, GroupScope.id)))
    .where(GroupScope.group_id == Group.id)
    .scalar_subquery()
    .label("scope_urls")
)

# Pubid, name, and a word if there is a logo: the logo itself may be long.
_organization = (
    select(array([Organization.pubid, Organization.name, case((Organization.logo.is_(None), ""), else_="logo")]))
    .where(Organization.id == Group.organization_id)
    .scalar_subquery()
    .label("organization")
)

GROUP_COLUMNS: Final = (
    Group.id,
    Group.pubid,
    Group.authority,
    Group.authority_provided_id,
    Group.name,
    Group.joinable_by,
    Group.readable_by,
    Group.writeable_by,
    Group.enforce_scope,
    Group.pre_moderated,
    _scope_urls,
    _organization,
)
"""The columns of a group that `present_group` needs, to be selected from `Group`."""


def present_group(row: RowMapping, *, app_url: str, authority: str, expand: Collection[str] = ()) -> dict[str, Any]:
    """Return the JSON values of one group.

    Args:
        row: A row of `GROUP_COLUMNS`.
        app_url: Public base URL.
        authority: The site's own authority; groups of others have no page here.
        expand: What the caller asked to see in full; unknown names are ignored.
    """
    scope_urls = row["scope_urls"] or []
    provided_id = row["authority_provided_id"]
    values: dict[str, Any] = {
        "id": row["pubid"],
        "links": {},
        "groupid": make_groupid(provided_id, row["authority"]) if provided_id else None,
        "name": row["name"],
        "organization": _presented_organization(row["organization"], app_url, expand=EXPAND_ORGANIZATION in expand),
        "public": row["readable_by"] == ReadableBy.WORLD,
        "scoped": bool(scope_urls),
        "type": group_type(row),
        "pre_moderated": row["pre_moderated"],
    }
    if row["authority"] == authority:
        values["links"] = {"html": group_url(app_url, pubid=row["pubid"], name=row["name"])}
    if EXPAND_SCOPES in expand:
        patterns = [f"{url}*" for url in scope_urls]
        values["scopes"] = {"enforced": bool(scope_urls) and row["enforce_scope"], "uri_patterns": patterns}
    return values


def _presented_organization(found: list[str] | None, app_url: str, *, expand: bool) -> str | dict[str, Any] | None:
    if found is None:
        return None
    pubid, name, logo = found
    if not expand:
        return pubid
    return {
        "id": pubid,
        "default": pubid == DEFAULT_ORGANIZATION,
        "logo": logo_url(app_url, pubid=pubid) if logo else None,
        "name": name,
    }


def logo_url(app_url: str, *, pubid: str) -> str:
    """Return the address of an organisation's logo."""
    return f"{app_url}/organizations/{pubid}/logo"


def group_type(row: RowMapping) -> str:
    """Return the API's name for who may join, read and write.

    The public group, and any combination without a name, go by who may write: `open`, else by who may read.
    """
    rights = (JoinableBy(row["joinable_by"]), ReadableBy(row["readable_by"]), WriteableBy(row["writeable_by"]))
    if rights in _TYPES:
        return _TYPES[rights]
    if rights[1] is ReadableBy.MEMBERS:
        return "private"
    return "open" if rights[2] is WriteableBy.AUTHORITY else "restricted"


def group_url(app_url: str, *, pubid: str, name: str) -> str:
    """Return the address of a group's page; its last part is for people and may be wrong or missing."""
    ascii_name = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    slug = _UNWORDLY.sub("-", ascii_name).strip("-")
    return f"{app_url}/groups/{pubid}/{slug}" if slug and slug not in RESERVED_SLUGS else f"{app_url}/groups/{pubid}"


def group_order(row: RowMapping) -> tuple[str, str]:
    """Return the key that groups are listed by: name without case, then pubid."""
    return row["name"].lower(), row["pubid"]
