"""`/api/bulk…`: for applications with the capability `bulk`, about their own authority."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Final

import orjson
from fastapi import APIRouter, Depends, Request
from hcommon.errors import ErrorKind
from hcommon.models.token import Capability
from sqlalchemy import RowMapping
from starlette.responses import Response, StreamingResponse

from hweb import authclients
from hweb.bodies import JSONBody
from hweb.bulk import commands, filters, queries, service, shapes
from hweb.bulk.errors import BulkError
from hweb.deps import ClientReadDep, ClientWriteDep, ResourcesDep
from hweb.openapi import BASIC, JSON_TYPE, Failure, operation
from hweb.openapi import NDJSON_TYPE as NDJSON
from hweb.repeatable import RepeatableRoute
from hweb.responses import JSON

router = APIRouter(tags=["bulk"], route_class=RepeatableRoute)

NDJSON_V1: Final = {"Hypothesis-Media-Type": "application/vnd.hypothesis.v1+x-ndjson"}
_JOB_ANSWERS: Final = {
    204: ("All is done, and the job did not ask for ids.", None, NDJSON),
    400: ("The job cannot be done.", Failure | shapes.BulkFailure, JSON_TYPE),
    409: ("It is in conflict with what is there.", shapes.BulkFailure, JSON_TYPE),
}


async def _raw_body(request: Request) -> bytes:
    return await request.body()


RawBody = Annotated[bytes, Depends(_raw_body)]


@router.post(
    "/api/bulk",
    name="bulk.action",
    openapi_extra=operation(
        body=shapes.BulkJob,
        body_type=NDJSON,
        answer=shapes.BulkDone,
        media_type=NDJSON,
        also=_JOB_ANSWERS,
        fails=(404, 413, 429),
        access=(BASIC,),
    ),
)
def act(write: ClientWriteDep, body: RawBody) -> Response:
    """Make and change users, groups and memberships: all of a job or, where something is wrong, nothing."""
    try:
        with write() as writer:
            client = authclients.required(writer.principal, capability=Capability.BULK)
            job = commands.parse_job(body, authority=client.authority)
            done = service.execute(writer.session, job=job, authority=client.authority, now=writer.now)
    except BulkError as error:
        status = 409 if error.kind is ErrorKind.CONFLICT else 400
        return JSON(error.present(status=status), status_code=status)
    if not job.configuration.shows_ids:
        return Response(status_code=204, headers=NDJSON_V1)
    return _lines({"data": {"type": item.type, "id": item.id}} for item in done)


@router.post(
    "/api/bulk/annotation",
    name="bulk.annotation",
    openapi_extra=operation(
        body=shapes.BulkAnnotationsRequest,
        answer=shapes.BulkAnnotation,
        media_type=NDJSON,
        fails=(404, 413, 429),
        access=(BASIC,),
    ),
)
def annotations(held: ResourcesDep, read: ClientReadDep, body: JSONBody) -> Response:
    """List the annotations of a time in all groups that a user is in."""
    authority = _authority(read)
    pages = queries.annotations(held.database, wanted=filters.annotations_filter(body), authority=authority)
    # Called now: what fails before the first line is still an error, not half an answer.
    first = next(pages, [])

    def lines() -> Iterator[bytes]:
        yield b"".join(_line(_annotation(row)) for row in first)
        for page in pages:
            yield b"".join(_line(_annotation(row)) for row in page)

    return StreamingResponse(lines(), media_type=NDJSON, headers=NDJSON_V1)


@router.post(
    "/api/bulk/group",
    name="bulk.group",
    openapi_extra=operation(
        body=shapes.BulkGroupsRequest,
        answer=shapes.BulkGroup,
        media_type=NDJSON,
        fails=(404, 413, 429),
        access=(BASIC,),
    ),
)
def groups(read: ClientReadDep, body: JSONBody) -> Response:
    """List those of the named groups that have annotations of a time."""
    authority = _authority(read)
    wanted = filters.groups_filter(body)
    with read() as reader:
        found = queries.active_groups(reader.connection, wanted=wanted, authority=authority)
    return _lines({"authority_provided_id": provided_id} for provided_id in found)


@router.post(
    "/api/bulk/lms/annotations",
    name="bulk.lms.annotations",
    openapi_extra=operation(
        body=shapes.BulkCountsRequest, answer=list[shapes.BulkCount], fails=(404, 413, 429), access=(BASIC,)
    ),
)
def counts(read: ClientReadDep, body: JSONBody) -> Response:
    """Count annotations by assignment or by user."""
    authority = _authority(read)
    wanted = filters.counts_filter(body, authority=authority)
    with read() as reader:
        return JSON(queries.counts(reader.connection, wanted=wanted, authority=authority))


def _authority(read: ClientReadDep) -> str:
    """Return the application's authority, before its body is looked at."""
    with read() as reader:
        return authclients.required(reader.principal, capability=Capability.BULK).authority


def _annotation(row: RowMapping) -> dict[str, Any]:
    stored = row["client_metadata"]
    return {
        "author": {"username": row["username"]},
        "group": {"authority_provided_id": row["authority_provided_id"]},
        "metadata": orjson.Fragment(stored) if stored else {},
    }


def _lines(items: Iterable[Any]) -> Response:
    return Response(b"".join(map(_line, items)), media_type=NDJSON, headers=NDJSON_V1)


def _line(item: Any) -> bytes:
    return orjson.dumps(item, option=orjson.OPT_APPEND_NEWLINE)
