"""The rules of writing: where one may annotate, what counts as shared, and what moderators get to see first."""

from collections.abc import Sequence
from typing import Final

from hcommon import uri as uris
from hcommon.auth import Principal
from hcommon.authz import PERMISSION_WORLD, can_write
from hcommon.models.annotation import ModerationStatus
from hcommon.models.group import ReadableBy

from hweb.annotations.checks import InvalidAnnotationError
from hweb.annotations.queries import GroupRules

NO_SUCH_GROUP: Final = "group: there is no such group, or you may not write to it"
"""One text, so that nobody can find out which private groups exist."""


def check_writeable(author: Principal, group: GroupRules, uri: str) -> None:
    """Pass if the author may annotate this page in this group.

    Raises:
        InvalidAnnotationError: The author may not write to the group, or the group's scope excludes the page.
    """
    if not can_write(author, group_id=group.id, group_authority=group.authority, writeable_by=group.writeable_by):
        raise InvalidAnnotationError(NO_SUCH_GROUP)
    if group.scopes and not any(uris.scope_matches(scope, uri) for scope in group.scopes):
        raise InvalidAnnotationError("group scope: this group is about other pages")


def is_shared(read: Sequence[str], group: GroupRules, *, named: str | None = None, was_shared: bool = False) -> bool:
    """Return whether `permissions.read` asks for the group, and nothing more or else.

    Args:
        read: `permissions.read`.
        group: Where the annotation is.
        named: The group as the request names it, which for a reply may be another one.
        was_shared: It is shared already, and `group:__world__` may have been told before the group was closed.

    Source: specification of the API, sections 1.6 and 10.1.2: what the server returns means the same when sent back.
    """
    if len(read) != 1:
        return False
    accepted = {f"group:{group.pubid}"}
    if group.authority_provided_id is not None:
        accepted.add(f"group:{group.authority_provided_id}@{group.authority}")
    if named is not None:
        accepted.add(f"group:{named}")
    if was_shared or group.readable_by == ReadableBy.WORLD:
        accepted.add(PERMISSION_WORLD)
    return read[0] in accepted


def first_status(group: GroupRules) -> ModerationStatus:
    """Return the status of a newly shared annotation."""
    return ModerationStatus.PENDING if group.pre_moderated else ModerationStatus.APPROVED


def next_status(current: str | None, group: GroupRules) -> str:
    """Return the status of a shared annotation after its author changed it."""
    if current in (None, ModerationStatus.APPROVED):
        return first_status(group)
    return ModerationStatus.PENDING if current == ModerationStatus.DENIED else current
