"""`/account/settings/sessions`: the browsers that are logged in, and the applications that were given access."""

from typing import Final
from uuid import UUID

from fastapi import APIRouter, Request
from hcommon.logging import get_logger
from hcommon.sessions import BrowserSession
from starlette.responses import RedirectResponse, Response

from hweb.accounts.redirects import HOME, to_login
from hweb.accounts.service import end_grants_of_browser
from hweb.deps import ResourcesDep, SessionUserDep, VisitorDep
from hweb.forms import CheckedFormDep, form_page
from hweb.logins import queries, service
from hweb.resources import Resources
from hweb.visitor import Visitor

router = APIRouter(include_in_schema=False)

PATH: Final = "/account/settings/sessions"
MAX_SHOWN: Final = 50

_log = get_logger(__name__)


@router.get(PATH, name="account.sessions")
def show_sessions(request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep) -> Response:
    """List where the visitor is logged in; visitors who are not do that first."""
    here = visitor.session
    if here is None or user.user_id is None:
        return to_login(PATH)
    now = held.clock.now()
    sessions = visitor.store.newest(user_id=here.user_id, now=now, limit=MAX_SHOWN)
    with held.database.read() as connection:
        applications = queries.applications(
            connection,
            user_id=here.user_id,
            browser_sessions=visitor.store.keys(user_id=here.user_id),
            now=now,
            limit=MAX_SHOWN,
        )
    return form_page(
        request,
        visitor,
        "logins/sessions.html.jinja2",
        path=PATH,
        here=here,
        # Of very many, this one is shown in any case.
        others=[session for session in sessions if session.key != here.key][: MAX_SHOWN - 1],
        applications=applications,
    )


@router.post(PATH, name="account.sessions.submit")
def end_sessions(held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep, form: CheckedFormDep) -> Response:
    """End the session whose key is in `end`, or `others`; or take back the access of the application in `take_back`.

    What has ended already is no error.
    """
    here = visitor.session
    if here is None or user.user_id is None:
        return to_login(PATH)
    if form.get("end") == here.key:
        answer = RedirectResponse(HOME, 303)
        with held.database.transaction() as session:
            end_grants_of_browser(session, browser_session=here.key, user_id=here.user_id, now=held.clock.now())
            visitor.sign_out(answer)
        return answer
    if "end" in form:
        _end_one(held, visitor, here, form["end"])
    elif "others" in form:
        _end_others(held, visitor, here)
    elif "take_back" in form:
        _take_back(held, visitor, here, form["take_back"])
    return RedirectResponse(PATH, 303)


def _end_one(held: Resources, visitor: Visitor, here: BrowserSession, key: str) -> None:
    if key not in visitor.store.keys(user_id=here.user_id):
        return
    with held.database.transaction() as session:
        end_grants_of_browser(session, browser_session=key, user_id=here.user_id, now=held.clock.now())
        visitor.store.end_key(key, user_id=here.user_id)
    _log.info("session_ended", user_id=here.user_id)


def _end_others(held: Resources, visitor: Visitor, here: BrowserSession) -> None:
    with held.database.transaction() as session:
        service.end_grants_of_other_browsers(
            session, browser_session=here.key, user_id=here.user_id, now=held.clock.now()
        )
        ended = visitor.store.end_all(user_id=here.user_id, keep=here)
    _log.info("other_sessions_ended", user_id=here.user_id, sessions=ended)


def _take_back(held: Resources, visitor: Visitor, here: BrowserSession, client: str) -> None:
    try:
        client_id = UUID(client)
    except ValueError:
        return
    browser_sessions = visitor.store.keys(user_id=here.user_id)
    with held.database.transaction() as session:
        service.take_access_back(
            session,
            client_id=client_id,
            user_id=here.user_id,
            browser_sessions=browser_sessions,
            now=held.clock.now(),
        )
    _log.info("access_taken_back", user_id=here.user_id, client_id=str(client_id))
