"""Query parameters and bodies of requests about groups and their members.

Source: specification of the API, section 1.11.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, cast

from fastapi import Query
from hcommon.errors import HError
from hcommon.ids import InvalidGroupidError, split_groupid
from hcommon.models.group import Role

from hweb.groups.rules import GROUP_TYPES, GroupType

MIN_NAME: Final = 3
MAX_NAME: Final = 25
MAX_DESCRIPTION: Final = 250
MAX_PAGE_SIZE: Final = 100
_NUL: Final = "\0"

AuthorityQuery = Annotated[
    str | None, Query(description="Whose groups; logged-in users always get those of their own authority.")
]
"""An authority; of one that nobody knows there are no groups."""

ExpandQuery = Annotated[list[str] | None, Query(description="`scopes` or `organization`; may be repeated.")]
"""What to show in full; other values are ignored."""

DocumentURIQuery = Annotated[str | None, Query(description="Address of the document that is annotated.")]
"""An address that no scope can hold has no groups of its own."""

PageNumberQuery = Annotated[
    int | None, Query(alias="page[number]", ge=1, description="Which page; without it all members are listed.")
]
"""Counts from 1; past the end there are no members."""

PageOffsetQuery = Annotated[
    int | None, Query(alias="page[offset]", ge=0, description="How many members to leave out; instead of a number.")
]
"""Counts from 0."""

PageSizeQuery = Annotated[int, Query(alias="page[size]", ge=1, le=MAX_PAGE_SIZE, description="Members of a page.")]
"""Without number or offset it means nothing."""


class InvalidGroupError(HError):
    """The group cannot be as it is asked for; the reason names the places."""


class InvalidMembershipError(HError):
    """The membership cannot be as it is asked for."""


@dataclass(frozen=True, slots=True)
class GroupChange:
    """What a body says of a group; None where it says nothing.

    Attributes:
        authority_provided_id: First half of the `groupid`.
    """

    name: str | None = None
    description: str | None = None
    type: GroupType | None = None
    authority_provided_id: str | None = None
    pre_moderated: bool | None = None


def group_change(body: Mapping[str, Any], *, authority: str, site_authority: str, new: bool = False) -> GroupChange:
    """Return what the body says; unknown keys are ignored.

    Args:
        body: JSON object.
        authority: That of the group; a `groupid` must have it.
        site_authority: The site's own, whose groups have no `groupid`.
        new: The group is to be made, so that it needs a name.

    Raises:
        InvalidGroupError: Something can't be; all problems are named.
    """
    change, problems = checked_change(body, authority=authority, site_authority=site_authority, new=new)
    if problems:
        raise InvalidGroupError(", ".join([f"{key}: {problem}" for key, problem in problems.items()]))
    return change


def checked_change(
    body: Mapping[str, Any], *, authority: str, site_authority: str, new: bool
) -> tuple[GroupChange, dict[str, str]]:
    """Return what the body says, and what is wrong with it, by key; arguments as for `group_change`."""
    problems: dict[str, str] = {}
    name = _text(body, "name", problems)
    if new and "name" not in body:
        problems["name"] = "is required"
    if name is not None and (problem := name_problem(name)):
        problems["name"] = problem
    description = _text(body, "description", problems)
    if description is not None and len(description) > MAX_DESCRIPTION:
        problems["description"] = f"must not be longer than {MAX_DESCRIPTION} characters"
    group_type = _text(body, "type", problems)
    if group_type is not None and group_type not in GROUP_TYPES:
        problems["type"] = f"must be one of {', '.join(GROUP_TYPES)}"
    provided_id = _provided_id(body, problems, authority=authority, site_authority=site_authority)
    pre_moderated = body.get("pre_moderated")
    if "pre_moderated" in body and not isinstance(pre_moderated, bool):
        problems["pre_moderated"] = "must be true or false"
    return GroupChange(name, description, cast("GroupType | None", group_type), provided_id, pre_moderated), problems


def name_problem(name: str) -> str | None:
    """Return what is wrong with the name of a group, or None."""
    if MIN_NAME <= len(name) <= MAX_NAME and name == name.strip():
        return None
    return f"must have {MIN_NAME} to {MAX_NAME} characters and no white space around it"


def role_of(body: Mapping[str, Any]) -> Role:
    """Return the one role that the body names.

    Raises:
        InvalidMembershipError: It names none, several, or one that does not exist.
    """
    roles = body.get("roles")
    if not isinstance(roles, list) or len(roles) != 1:
        raise InvalidMembershipError("roles: must be an array of one role")
    try:
        return Role(roles[0])
    except ValueError as error:
        raise InvalidMembershipError(f"roles.0: must be one of {', '.join(Role)}") from error


def _text(body: Mapping[str, Any], key: str, problems: dict[str, str]) -> str | None:
    value = body.get(key)
    if key not in body:
        return None
    if not isinstance(value, str):
        problems[key] = "must be a string"
    elif _NUL in value:
        problems[key] = "must not contain a NUL character"
    else:
        return value
    return None


def _provided_id(
    body: Mapping[str, Any], problems: dict[str, str], *, authority: str, site_authority: str
) -> str | None:
    groupid = _text(body, "groupid", problems)
    if groupid is None:
        return None
    try:
        provided_id, of_authority = split_groupid(groupid)
    except InvalidGroupidError:
        problems["groupid"] = "must have the form group:id@authority"
        return None
    if of_authority == site_authority:
        problems["groupid"] = "groups of this site's own authority have none"
    elif of_authority != authority:
        problems["groupid"] = f"must end with @{authority}"
    return provided_id
