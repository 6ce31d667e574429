"""`/organizations/{id}/logo`."""

from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from hweb.deps import ReadDep
from hweb.organizations import queries
from hweb.organizations.queries import OrganizationNotFoundError

router = APIRouter(include_in_schema=False)

_HEADERS: Final = {
    "Cache-Control": "public, max-age=600",
    "Vary": "Accept-Encoding",
    # An SVG document may hold scripts; shown by itself it is nobody's page.
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox",
    "Cross-Origin-Resource-Policy": "cross-origin",
}


@router.get("/organizations/{pubid}/logo", name="organization.logo")
def logo(pubid: str, read: ReadDep) -> Response:
    """Answer with the logo of an organisation.

    Raises:
        OrganizationNotFoundError: It has none, or there is no such organisation.
    """
    with read() as reader:
        found = queries.logo(reader.connection, pubid=pubid)
    if found is None:
        raise OrganizationNotFoundError("This organisation has no logo.")
    return Response(found, media_type="image/svg+xml", headers=_HEADERS)
