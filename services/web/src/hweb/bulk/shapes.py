"""Bulk jobs and listings as the API takes and gives them, for its description; `commands` and `filters` read them."""

from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field
from typing_extensions import TypedDict

from hweb.annotations.shapes import Timestamp
from hweb.bulk import filters
from hweb.bulk.schemas import LONGEST_JOB

Name = Annotated[str, Field(max_length=1_024)]

BulkJob = Annotated[
    str,
    Field(
        description=(
            f"A command a line, at most {LONGEST_JOB} of them. Each is a JSON array of its name and an object: first "
            '`["configure", {"view": null or "basic", "user": {"effective": userid}, "instructions": {"total": number '
            'of lines}}]`, then `["upsert", {"data": {"type": "user" or "group", "attributes": {…}, "meta": {"query": '
            '{…}, "$anchor": name}}}]` and `["create", {"data": {"type": "group_membership", "relationships": '
            '{"member": {"data": {"type": "user", "id": {"$ref": name}}}, "group": {…}}}}]`.'
        )
    ),
]
"""The body of a job."""


class BulkThing(TypedDict):
    """A user by userid, a group by groupid, or a membership by number."""

    type: Literal["user", "group", "group_membership"]
    id: str | int


class BulkDone(TypedDict):
    """What a command of a job made or found; a line of its answer."""

    data: BulkThing


class BulkAuthor(TypedDict):
    """Who wrote it."""

    username: str


class BulkGroup(TypedDict):
    """A group by the application's own id; a line of a listing of groups."""

    authority_provided_id: str


class BulkAnnotationGroup(TypedDict):
    """A group by the application's own id, if it has one."""

    authority_provided_id: str | None


class BulkAnnotation(TypedDict):
    """One annotation; a line of a listing."""

    author: BulkAuthor
    group: BulkAnnotationGroup
    metadata: dict[str, Any]


class BulkErrorSource(TypedDict):
    """Where it is wrong."""

    pointer: str


class BulkErrorItem(TypedDict):
    """What is wrong with a job; `source.pointer` is the number of its line."""

    code: str
    title: str
    detail: str
    meta: dict[str, Any]
    status: str
    source: NotRequired[BulkErrorSource]


class BulkFailure(TypedDict):
    """Why nothing of a job was done."""

    errors: list[BulkErrorItem]


class BulkPeriod(TypedDict):
    """A time: after the first instant, up to the second."""

    gt: Timestamp
    lte: Timestamp


class BulkAnnotationsFilter(TypedDict):
    """Whose groups, and which time."""

    username: str
    created: BulkPeriod
    limit: NotRequired[Annotated[int, Field(ge=0, le=filters.MOST_ANNOTATIONS)]]


class BulkAnnotationsRequest(TypedDict):
    """Which annotations are to be listed."""

    filter: BulkAnnotationsFilter


class BulkGroupsFilter(TypedDict):
    """Which groups, and which time."""

    groups: Annotated[list[Name], Field(min_length=1, max_length=filters.MOST_NAMES)]
    annotations_created: BulkPeriod


class BulkGroupsRequest(TypedDict):
    """Which groups are to be looked at."""

    filter: BulkGroupsFilter


class BulkCountsFilter(TypedDict):
    """What is counted; null for all."""

    groups: Annotated[list[Name], Field(min_length=1, max_length=filters.MOST_NAMES)]
    h_userids: NotRequired[Annotated[list[Name], Field(max_length=filters.MOST_NAMES)] | None]
    assignment_ids: NotRequired[Annotated[list[Name], Field(max_length=filters.MOST_NAMES)] | None]


class BulkCountsRequest(TypedDict):
    """What is counted, and by what."""

    group_by: Literal["assignment", "user"]
    filter: BulkCountsFilter


class BulkCount(TypedDict):
    """How much there is of an assignment or of a user."""

    assignment_id: str | None
    userid: str | None
    display_name: str | None
    annotations: int
    replies: int
    page_notes: int
    last_activity: Timestamp
