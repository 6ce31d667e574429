"""HTML forms: reading what was sent, and checking that it came from our own page.

Every route outside the API that changes something takes `CheckedFormDep`.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Final
from urllib.parse import parse_qsl

from fastapi import Depends, Request
from hcommon.errors import ErrorKind, HError
from starlette.responses import HTMLResponse

from hweb.deps import VisitorDep
from hweb.templating import page
from hweb.visitor import CSRF_COOKIE, Visitor

CSRF_FIELD: Final = "csrf_token"
MAX_FORM_BYTES: Final = 64 * 1024
MAX_FORM_FIELDS: Final = 100
FORM_TYPE: Final = "application/x-www-form-urlencoded"


class FormTooLargeError(HError):
    """More was sent than any of our forms holds."""

    kind = ErrorKind.TOO_LARGE


class ForgedFormError(HError):
    """The form was not sent from our own page, or that page is too old."""

    kind = ErrorKind.FORBIDDEN


async def form_pairs(request: Request) -> list[tuple[str, str]]:
    """Return the fields as they were sent, empty and repeated ones too; none if the body is no form.

    NUL can't be stored anywhere and becomes the replacement character.

    Raises:
        FormTooLargeError: More than `MAX_FORM_BYTES` or `MAX_FORM_FIELDS`.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != FORM_TYPE:
        return []
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_FORM_BYTES:
            raise FormTooLargeError("The form is too large.")
    text = body.decode("utf-8", "replace")
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS)
    except ValueError as error:
        raise FormTooLargeError("The form has too many fields.") from error
    return [(name, value.replace("\0", "\N{REPLACEMENT CHARACTER}")) for name, value in pairs]


FormPairsDep = Annotated[list[tuple[str, str]], Depends(form_pairs)]
Form = Mapping[str, str]


def checked_form(request: Request, pairs: FormPairsDep, visitor: VisitorDep) -> Form:
    """Return the fields of a form that came from our own page; of a repeated field the last value.

    Raises:
        ForgedFormError: The token is missing or not this visitor's, or the browser says that another site sent it.
    """
    form = dict(pairs)
    if request.headers.get("sec-fetch-site") == "cross-site" or not visitor.owns(form.get(CSRF_FIELD, "")):
        raise ForgedFormError(
            "This form has expired or was not sent from our own page. Go back, load the page again and send it again."
        )
    return form


CheckedFormDep = Annotated[Form, Depends(checked_form)]


def form_page(
    request: Request,
    visitor: Visitor,
    template: str,
    *,
    status: int = 200,
    headers: dict[str, str] | None = None,
    **context: Any,
) -> HTMLResponse:
    """Return a page whose forms will be accepted from this visitor: `csrf_token` is in its context."""
    token = visitor.csrf_token()
    cookie = None if token else visitor.new_csrf_cookie()
    answer = page(
        request,
        template,
        status=status,
        headers={"Cache-Control": "no-store"} | (headers or {}),
        csrf_token=token or visitor.csrf_token(),
        **context,
    )
    if cookie is not None:
        visitor.set_cookie(answer, CSRF_COOKIE, cookie, max_age=None)
    return answer
