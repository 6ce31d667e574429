"""`/notification/unsubscribe/…` and `/account/settings/notifications`.

A link in a mail shows a page and changes nothing, since mail programs and scanners open links; its button acts, as
does the mail program's own "unsubscribe", which sends the same address a POST.
Source: specification of the API, section 6; RFC 8058.
"""

from typing import Final

from fastapi import APIRouter, Request
from hcommon.models.notification import NotificationKind
from starlette.responses import RedirectResponse, Response

from hweb.accounts.redirects import to_login
from hweb.deps import ResourcesDep, SessionReadDep, SessionWriteDep, VisitorDep
from hweb.forms import CheckedFormDep, form_page
from hweb.notifications import queries, service, tokens
from hweb.templating import page

router = APIRouter(include_in_schema=False)

SETTINGS: Final = "/account/settings/notifications"

_WORDS: Final = {
    NotificationKind.REPLY: "somebody replies to you",
    NotificationKind.MENTION: "somebody mentions you",
    NotificationKind.MODERATION: "a moderator judges what you wrote",
}
_SECRET_ADDRESS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


@router.get("/notification/unsubscribe/{token}", name="notification.unsubscribe")
def show_unsubscribe(request: Request, held: ResourcesDep, token: str) -> Response:
    """Ask whether mails of a kind should end."""
    _, kind = tokens.read(held.keys, token, now=held.clock.now())
    return page(
        request, "notifications/unsubscribe.html.jinja2", headers=_SECRET_ADDRESS, when=_WORDS[kind], done=False
    )


# No CSRF token: the address itself is what entitles, and mail programs know no other.
@router.post("/notification/unsubscribe/{token}", name="notification.unsubscribe.submit")
def unsubscribe(request: Request, held: ResourcesDep, token: str) -> Response:
    """End mails of a kind; again changes nothing."""
    user_id, kind = tokens.read(held.keys, token, now=held.clock.now())
    with held.database.transaction() as session:
        if not service.choose(session, user_id=user_id, choices={kind: False}):
            raise tokens.UnsubscribeLinkError("This account does not exist any more.")
    return page(request, "notifications/unsubscribe.html.jinja2", headers=_SECRET_ADDRESS, when=_WORDS[kind], done=True)


@router.get(SETTINGS, name="account.notifications")
def show_settings(request: Request, read: SessionReadDep, visitor: VisitorDep) -> Response:
    """Show which mails whoever is logged in wants; others log in first and come back."""
    with read() as reader:
        if reader.principal.user_id is None:
            return to_login(SETTINGS)
        choices = queries.choices(reader.connection, user_id=reader.principal.user_id)
    fields = [{"name": kind.value, "when": _WORDS[kind], "on": on} for kind, on in choices.items()]
    saved = "saved" in request.query_params
    return form_page(request, visitor, "notifications/settings.html.jinja2", fields=fields, saved=saved)


@router.post(SETTINGS, name="account.notifications.submit")
def save_settings(write: SessionWriteDep, form: CheckedFormDep) -> Response:
    """Record which mails whoever is logged in wants: those whose box is checked."""
    with write() as writer:
        if writer.principal.user_id is None:
            return to_login(SETTINGS)
        choices = {kind: kind.value in form for kind in NotificationKind}
        service.choose(writer.session, user_id=writer.principal.user_id, choices=choices)
    return RedirectResponse(f"{SETTINGS}?saved", status_code=303)
