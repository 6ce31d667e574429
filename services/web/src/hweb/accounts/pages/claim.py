"""`/claim-admin`: the one-time link of `h init` that makes the first administrator of a site that has none."""

from fastapi import APIRouter, Request
from hcommon.logging import get_logger
from starlette.responses import RedirectResponse, Response

from hweb.accounts import passwords, queries, service
from hweb.accounts.links import CLAIM
from hweb.accounts.redirects import HOME
from hweb.accounts.schemas import NewAccount
from hweb.accounts.service import AdminExistsError, EmailTakenError, UsernameTakenError
from hweb.deps import ResourcesDep, VisitorDep
from hweb.forms import CheckedFormDep, form_page
from hweb.resources import Resources
from hweb.visitor import Visitor

router = APIRouter()

_log = get_logger(__name__)


@router.get("/claim-admin/{code}", name="claim_admin")
def show_claim(request: Request, held: ResourcesDep, visitor: VisitorDep, code: str) -> Response:
    """Show the form, as long as nobody administers the site."""
    _check(held, code)
    return _form(request, visitor, NewAccount("", "", ""), problems={})


@router.post("/claim-admin/{code}", name="claim_admin.submit")
def claim(request: Request, held: ResourcesDep, visitor: VisitorDep, form: CheckedFormDep, code: str) -> Response:
    """Create the administrator and sign in, or show the form again with status 400."""
    _check(held, code)
    new = NewAccount.of_form(form)
    problems = new.problems(by_visitor=False)
    if problems:
        return _form(request, visitor, new, problems=problems)
    password_hash = passwords.hash_password(new.password)
    try:
        with held.database.transaction() as session:
            user_id = service.create_first_admin(
                session,
                new=new,
                password_hash=password_hash,
                authority=held.settings.authority,
                now=held.clock.now(),
            )
    except UsernameTakenError as error:
        return _form(request, visitor, new, problems={"username": error.reason})
    except EmailTakenError as error:
        return _form(request, visitor, new, problems={"email": error.reason})
    _log.info("administrator_claimed", user_id=user_id)
    answer = RedirectResponse(HOME, 302)
    visitor.sign_in(answer, user_id=user_id)
    return answer


def _check(held: Resources, code: str) -> None:
    """Raise unless the link is ours, fresh, and there is no administrator yet."""
    held.keys.verify(CLAIM, code, now=held.clock.now())
    with held.database.read() as connection:
        if queries.has_admin(connection, authority=held.settings.authority):
            raise AdminExistsError("This site has an administrator already.")


def _form(request: Request, visitor: Visitor, entered: NewAccount, *, problems: dict[str, str]) -> Response:
    return form_page(
        request,
        visitor,
        "accounts/claim.html.jinja2",
        status=400 if problems else 200,
        entered={"username": entered.username, "email": entered.email},
        problems=problems,
    )
