"""What is done with organisations: one function an action, each in the caller's transaction.

Source: specification of the API, section 6, 'Admin pages'.
"""

import re
from datetime import datetime
from typing import Any, Final, cast

import sqlalchemy as sa
from hcommon.errors import ErrorKind, HError
from hcommon.ids import DEFAULT_ORGANIZATION, ORGANIZATION_PUBID_LENGTH, new_pubid
from hcommon.models import Organization
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

MAX_NAME: Final = 25
MAX_LOGO: Final = 100_000

_table: Final = cast("sa.Table", Organization.__table__)
_SVG: Final = re.compile(r"\s*(?:<\?xml[^>]*\?>\s*)?(?:<!--.*?-->\s*)*<svg[\s>]", re.DOTALL)


class InvalidOrganizationError(HError):
    """An organisation cannot be made of this."""


class OrganizationInUseError(HError):
    """Groups belong to the organisation, or there is a default one already."""

    kind = ErrorKind.CONFLICT


def create(
    session: Session, *, name: str, authority: str, now: datetime, logo: str | None = None, default: bool = False
) -> str:
    """Create an organisation and return its API id.

    Args:
        session: The caller's transaction.
        name: 1 to 25 characters.
        authority: Whose groups may belong to it.
        now: When.
        logo: SVG document of at most 100 000 characters.
        default: Clients take it for the site's own; there is one at most.

    Raises:
        InvalidOrganizationError: The name or the logo can't be.
        OrganizationInUseError: There is a default organisation already.
    """
    _check(name, logo)
    pubid = DEFAULT_ORGANIZATION if default else new_pubid(ORGANIZATION_PUBID_LENGTH)
    values = {"pubid": pubid, "name": name, "authority": authority, "logo": logo, "created": now, "updated": now}
    made = insert(_table).values(values).on_conflict_do_nothing(index_elements=["pubid"]).returning(_table.c.id)
    if session.execute(made).scalar() is None:
        raise OrganizationInUseError("There is a default organisation already.")
    return pubid


def change(
    session: Session, *, organization_id: int, now: datetime, name: str | None = None, logo: str | None = None
) -> None:
    """Change name or logo; None leaves it as it is, and an empty logo takes it away.

    Raises:
        InvalidOrganizationError: The name or the logo can't be.
    """
    _check(name, logo or None)
    values: dict[str, Any] = {"updated": now}
    if name is not None:
        values["name"] = name
    if logo is not None:
        values["logo"] = logo or None
    session.execute(sa.update(_table).where(_table.c.id == organization_id).values(values))


def delete(session: Session, *, organization_id: int) -> None:
    """Remove an organisation.

    Raises:
        OrganizationInUseError: Groups belong to it.
    """
    try:
        with session.begin_nested():
            session.execute(sa.delete(_table).where(_table.c.id == organization_id))
    except IntegrityError as error:
        raise OrganizationInUseError("Groups belong to this organisation.") from error


def _check(name: str | None, logo: str | None) -> None:
    if name is not None and (not 1 <= len(name) <= MAX_NAME or name != name.strip() or "\0" in name):
        raise InvalidOrganizationError(f"A name has 1 to {MAX_NAME} characters and no space around it.")
    if logo is not None and (len(logo) > MAX_LOGO or "\0" in logo or not _SVG.match(logo)):
        raise InvalidOrganizationError(f"A logo is an SVG document of at most {MAX_LOGO} characters.")
