"""`/groups/{id}/moderate`: a group's queue, where its moderators judge what waits, without the sidebar.

Source: specification of the API, section 6.
"""

from typing import Any, Final
from urllib.parse import urlencode

from fastapi import APIRouter, Request
from hcommon.models.annotation import ModerationStatus
from hcommon.models.group import MODERATING_ROLES
from hcommon.presentation.annotation import present_all
from hcommon.presentation.group import group_url
from hcommon.search.document import quotes_of
from starlette.responses import RedirectResponse, Response

from hweb.accounts.redirects import to_login
from hweb.annotations import service as annotations
from hweb.deps import LinksDep, SessionReadDep, SessionWriteDep, VisitorDep
from hweb.forms import CheckedFormDep, form_page
from hweb.groups import queries as groups
from hweb.groups.service import GroupNotFoundError
from hweb.moderation import queries, schemas, service
from hweb.repeatable import RepeatableRoute
from hweb.visitor import Visitor

router = APIRouter(include_in_schema=False, route_class=RepeatableRoute)

# What an annotation is, and what makes it that.
_STATUSES: Final = {
    ModerationStatus.PENDING: ("Pending", "Set aside"),
    ModerationStatus.APPROVED: ("Approved", "Approve"),
    ModerationStatus.DENIED: ("Denied", "Deny"),
    ModerationStatus.SPAM: ("Spam", "Mark as spam"),
}


@router.get("/groups/{pubid}/moderate", name="group.moderate")
def show_queue(request: Request, visitor: VisitorDep, read: SessionReadDep, links: LinksDep, pubid: str) -> Response:
    """Show what has the status of `?status=`, the newest first, to those who moderate the group.

    Raises:
        GroupNotFoundError: There is no such group, or the visitor does not moderate it.
        InvalidCursorError: `?after=` is not a date.
    """
    return _queue(request, visitor, read, links, pubid)


def _queue(
    request: Request, visitor: Visitor, read: SessionReadDep, links: LinksDep, pubid: str, *, problem: str = ""
) -> Response:
    status = _status_of(request)
    before = schemas.cursor(request.query_params.get("after"))
    with read() as reader:
        principal = reader.principal
        if principal.user_id is None:
            return to_login(f"/groups/{pubid}/moderate", status=303)
        group = groups.readable_group(reader.connection, name=pubid, principal=principal)
        if group is None or principal.roles.get(group["id"]) not in MODERATING_ROLES:
            raise GroupNotFoundError("There is no such group, or you do not moderate it.")
        values: dict[str, Any] = {"group_id": group["id"], "principal": principal, "status": status}
        rows = queries.queue(reader.connection, **values, before=before, limit=schemas.DEFAULT_PAGE)
        total = queries.queue_length(reader.connection, **values)
    shown = present_all(rows, principal=principal, links=links)
    is_full = len(rows) >= schemas.DEFAULT_PAGE
    return form_page(
        request,
        visitor,
        "moderation/queue.html.jinja2",
        status=409 if problem else 200,
        problem=problem,
        name=group["name"],
        back=group_url("", pubid=group["pubid"], name=group["name"]),
        pubid=group["pubid"],
        statuses=[(one.value, *words) for one, words in _STATUSES.items()],
        chosen=status.value,
        total=total,
        annotations=[_item(row, values) for row, values in zip(rows, shown, strict=True)],
        older=urlencode({"status": status.value, "after": rows[-1]["created"].isoformat()}) if is_full else None,
    )


@router.post("/groups/{pubid}/moderate", name="group.moderate.submit")
def judge(
    request: Request,
    *,
    visitor: VisitorDep,
    read: SessionReadDep,
    write: SessionWriteDep,
    links: LinksDep,
    form: CheckedFormDep,
    pubid: str,
) -> Response:
    """Give an annotation another status, and lead back to the queue.

    If it is not any more as the moderator saw it, show the queue as it is now with status 409.

    Raises:
        AnnotationNotFoundError: There is none that the visitor may judge.
        InvalidAnnotationError: The form does not say what.
    """
    keys = ("moderation_status", "current_moderation_status", "annotation_updated")
    verdict = schemas.verdict({key: form[key] for key in keys if key in form})
    try:
        with write() as writer:
            service.judge(
                writer.session,
                moderator=writer.principal,
                annotation_id=annotations.key_of(form.get("id", "")),
                verdict=verdict,
                now=writer.now,
            )
    except service.StaleVerdictError as error:
        return _queue(request, visitor, read, links, pubid, problem=error.reason)
    query = urlencode({"status": _status_of(request).value})
    return RedirectResponse(f"/groups/{pubid}/moderate?{query}", status_code=303)


def _status_of(request: Request) -> ModerationStatus:
    asked = request.query_params.get("status", "")
    return ModerationStatus(asked) if asked in list(ModerationStatus) else ModerationStatus.PENDING


def _item(row: Any, shown: dict[str, Any]) -> dict[str, Any]:
    keys = ("id", "uri", "text", "tags", "updated")
    return {key: shown[key] for key in keys} | {
        "username": row["username"],
        "display_name": row["display_name"],
        "quote": "\n".join(quotes_of(row["target_selectors"])),
        "created": row["created"],
        "flags": shown.get("moderation", {}).get("flagCount", 0),
        "link": shown["links"].get("html"),
    }
