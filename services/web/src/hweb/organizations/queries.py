"""Every SELECT of organisations."""

from collections.abc import Sequence

from hcommon.errors import ErrorKind, HError
from hcommon.models import Group, Organization
from sqlalchemy import Connection, RowMapping, func, select
from sqlalchemy.orm import Session


class OrganizationNotFoundError(HError):
    """There is no such organisation."""

    kind = ErrorKind.NOT_FOUND


def logo(connection: Connection, *, pubid: str) -> str | None:
    """Return the logo of an organisation, an SVG document; None if there is none."""
    return connection.execute(select(Organization.logo).where(Organization.pubid == pubid)).scalar()


def key_of(session: Session, *, pubid: str, authority: str | None = None) -> int:
    """Return the key of an organisation.

    Args:
        session: Where to read.
        pubid: Which organisation.
        authority: The one that it must have; None for any.

    Raises:
        OrganizationNotFoundError: There is none.
    """
    row = session.execute(select(Organization.id, Organization.authority).where(Organization.pubid == pubid)).first()
    if row is None or authority not in (None, row.authority):
        raise OrganizationNotFoundError(f"There is no organisation {pubid}{f' of {authority}' if authority else ''}.")
    key: int = row.id
    return key


def listed(connection: Connection) -> Sequence[RowMapping]:
    """Return all organisations by name, with the number of their groups and whether they have a logo."""
    groups = (
        select(func.count())
        .where(Group.organization_id == Organization.id)
        .correlate(Organization)
        .scalar_subquery()
        .label("groups")
    )
    columns = (
        Organization.pubid,
        Organization.name,
        Organization.authority,
        Organization.logo.is_not(None).label("has_logo"),
    )
    return connection.execute(select(*columns, groups).order_by(Organization.name, Organization.id)).mappings().all()
