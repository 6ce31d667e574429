"""`/account/delete`.

Source: specification of the API, section 6.
"""

from fastapi import APIRouter, Request
from hcommon.errors import ErrorKind, HError
from hcommon.logging import get_logger
from hcommon.ratelimit import RateLimiter
from starlette.responses import RedirectResponse, Response

from hweb.accounts import limits, owner, queries, service
from hweb.accounts.redirects import to_login
from hweb.accounts.schemas import Account
from hweb.deps import ResourcesDep, SessionUserDep, VisitorDep
from hweb.forms import CheckedFormDep, form_page
from hweb.resources import Resources
from hweb.templating import page
from hweb.visitor import Visitor

router = APIRouter()

_log = get_logger(__name__)


class LastAdminError(HError):
    """Without this account nobody would administer the site."""

    kind = ErrorKind.CONFLICT


@router.get("/account/delete", name="account.delete")
def show_deletion(request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep) -> Response:
    """Show what would be lost, and ask for the password, or the name of an account that has none.

    Visitors who are not logged in do that first.
    """
    account = owner.account_of(held, user.user_id)
    return _form(request, held, visitor, account) if account else to_login("/account/delete")


@router.post("/account/delete", name="account.delete.submit")
def delete(
    request: Request, held: ResourcesDep, visitor: VisitorDep, user: SessionUserDep, form: CheckedFormDep
) -> Response:
    """Delete the account for good, or show the form again with status 400.

    Raises:
        LastAdminError: Nobody else administers the site.
    """
    account = owner.account_of(held, user.user_id)
    if account is None or user.userid is None:
        return to_login("/account/delete")
    now = held.clock.now()
    RateLimiter(held.redis).count(limits.DELETE_BY_ACCOUNT, str(account.id), now=now)
    problems = owner.problems_of(account, form)
    if problems:
        return _form(request, held, visitor, account, problems=problems)
    with held.database.transaction() as session:
        if account.admin and queries.is_last_admin(session, user_id=account.id, authority=held.settings.authority):
            raise LastAdminError("Nobody else administers this site. Let somebody else do so first.")
        service.mark_deleted(session, user_id=account.id, now=now, requested_by=user.userid)
        visitor.store.end_all(user_id=account.id)
    _log.info("account_deleted", user_id=account.id)
    answer = RedirectResponse("/account/deleted", 302)
    visitor.sign_out(answer)
    return answer


@router.get("/account/deleted", name="account.deleted")
def show_deleted(request: Request) -> Response:
    """Say that the account is deleted."""
    return page(request, "accounts/deleted.html.jinja2", anonymous=True)


def _form(
    request: Request,
    held: Resources,
    visitor: Visitor,
    account: Account,
    *,
    problems: dict[str, str] | None = None,
) -> Response:
    with held.database.read() as connection:
        annotations = queries.annotation_count(connection, user_id=account.id)
    return form_page(
        request,
        visitor,
        "accounts/delete.html.jinja2",
        status=400 if problems else 200,
        username=account.username,
        has_password=account.password_hash is not None,
        annotations=annotations,
        problems=problems or {},
    )
