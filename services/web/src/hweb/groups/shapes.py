"""Groups and memberships as the API takes and gives them, for its description; `schemas` reads them.

Source: specification of the API, section 1.11.
"""

from typing import Annotated, Literal, NotRequired

from hcommon.models.group import Role
from pydantic import Field
from typing_extensions import TypedDict

from hweb.annotations.shapes import Timestamp
from hweb.groups import schemas
from hweb.groups.rules import GroupType

GroupName = Annotated[str, Field(min_length=schemas.MIN_NAME, max_length=schemas.MAX_NAME)]
GroupDescription = Annotated[str, Field(max_length=schemas.MAX_DESCRIPTION)]
Groupid = Annotated[str, Field(pattern=r"^group:[a-zA-Z0-9._\-+!~*()']{1,1024}@.+$")]


class GroupLinks(TypedDict):
    """Where the group's page is; groups of other authorities have none."""

    html: NotRequired[str]


class Organization(TypedDict):
    """An organisation in full."""

    id: str
    default: bool
    logo: str | None
    name: str


class Scopes(TypedDict):
    """Which documents the group is for."""

    enforced: bool
    uri_patterns: list[str]


class Group(TypedDict):
    """A group; `organization` is its id unless it was to be expanded, and `scopes` are there only then."""

    id: str
    links: GroupLinks
    groupid: str | None
    name: str
    organization: Organization | str | None
    public: bool
    scoped: bool
    type: GroupType
    pre_moderated: bool
    scopes: NotRequired[Scopes]


class NewGroup(TypedDict):
    """A group to be made; a `groupid` is for other authorities than the site's own."""

    name: GroupName
    description: NotRequired[GroupDescription]
    type: NotRequired[GroupType]
    groupid: NotRequired[Groupid]
    pre_moderated: NotRequired[bool]


class GroupUpdate(TypedDict, total=False):
    """What is to change."""

    name: GroupName
    description: GroupDescription
    type: GroupType
    groupid: Groupid
    pre_moderated: bool


class Membership(TypedDict):
    """A member, and what the caller may do to the membership."""

    authority: str
    userid: str
    username: str
    display_name: str | None
    roles: Annotated[list[Role], Field(min_length=1, max_length=1)]
    actions: list[
        Literal[
            "delete", "updates.roles.member", "updates.roles.moderator", "updates.roles.admin", "updates.roles.owner"
        ]
    ]
    created: Timestamp
    updated: Timestamp


class RoleChange(TypedDict):
    """The one role that a member is to have."""

    roles: Annotated[list[Role], Field(min_length=1, max_length=1)]


class NewMembership(TypedDict, total=False):
    """The role of a new member; `member` if it is missing."""

    roles: Annotated[list[Role], Field(min_length=1, max_length=1)]


class PageTotal(TypedDict):
    """How many there are on all pages."""

    total: int


class PageMeta(TypedDict):
    """About a page."""

    page: PageTotal


class MembershipPage(TypedDict):
    """A page of members."""

    meta: PageMeta
    data: list[Membership]
