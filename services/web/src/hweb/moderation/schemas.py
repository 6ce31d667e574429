"""What a verdict says, and how the moderation queue is asked.

Source: specification of the API, sections 1.11 and 1.12; the client's needs, section 2.7.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, NotRequired

from fastapi import Query
from hcommon.errors import HError
from hcommon.models.annotation import ModerationStatus
from typing_extensions import TypedDict

from hweb.annotations.checks import Checks
from hweb.annotations.shapes import Annotation, Timestamp
from hweb.groups.shapes import PageMeta
from hweb.search.dates import parse_date

DEFAULT_PAGE: Final = 20
MAX_PAGE: Final = 100

_STATUSES: Final = ", ".join(ModerationStatus)


class InvalidCursorError(HError):
    """`page[after]` is not a date."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A moderator's verdict on an annotation as the moderator saw it.

    Attributes:
        updated: When the annotation had been changed last.
        seen_status: Its status then; None when that was not said.
    """

    status: ModerationStatus
    updated: datetime
    seen_status: ModerationStatus | None


def verdict(body: Mapping[str, Any]) -> Verdict:
    """Return the verdict of a request's body.

    Raises:
        InvalidAnnotationError: Something is missing or can't be; all problems are named.
    """
    checks = Checks()
    for key in ("moderation_status", "annotation_updated"):
        if key not in body:
            checks.problem(key, "is required")
    status = _status(checks, body, "moderation_status")
    seen_status = _status(checks, body, "current_moderation_status")
    updated = _instant(checks, body, "annotation_updated")
    checks.finish()
    assert status is not None  # noqa: S101 - or there was a problem
    assert updated is not None  # noqa: S101 - likewise
    return Verdict(status=status, updated=updated, seen_status=seen_status)


def _status(checks: Checks, body: Mapping[str, Any], key: str) -> ModerationStatus | None:
    if key == "current_moderation_status" and body.get(key) is None:
        return None
    text = checks.text(body, key, path=key)
    if text is None:
        return None
    if text not in list(ModerationStatus):
        checks.problem(key, f"must be one of {_STATUSES}")
        return None
    return ModerationStatus(text)


def _instant(checks: Checks, body: Mapping[str, Any], key: str) -> datetime | None:
    text = checks.text(body, key, path=key)
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        checks.problem(key, "must be a date in ISO 8601")
        return None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def cursor(text: str | None) -> datetime | None:
    """Return `page[after]`; None for the first page.

    Raises:
        InvalidCursorError: It is not a date.
    """
    if text is None:
        return None
    try:
        return parse_date(text)
    except ValueError as error:
        raise InvalidCursorError("page[after]: must be a date in ISO 8601") from error


StatusQuery = Annotated[ModerationStatus | None, Query(description="Only annotations of this status.")]
"""A filter; None for all."""

AfterQuery = Annotated[
    str | None, Query(alias="page[after]", description="Only annotations created before this date in ISO 8601.")
]
"""The cursor: when the last annotation of the page before was created."""

SizeQuery = Annotated[
    int,
    Query(
        alias="page[size]",
        ge=1,
        le=MAX_PAGE,
        description="Annotations wanted; more are given when further ones were created at the last one's very moment.",
    ),
]
"""How many annotations."""


class ModerationVerdict(TypedDict):
    """What a moderator decides, and the annotation's `updated` and status as the moderator saw them."""

    moderation_status: ModerationStatus
    annotation_updated: Timestamp
    current_moderation_status: NotRequired[ModerationStatus | None]


class ModerationQueue(TypedDict):
    """A page of annotations; the total is that of all pages."""

    meta: PageMeta
    data: list[Annotation]
