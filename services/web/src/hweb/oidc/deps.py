"""The provider, for the routes that ask it."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request
from hcommon.errors import ErrorKind, HError

from hweb.settings import Settings

if TYPE_CHECKING:
    from hweb.oidc.provider import Provider


class NoProviderError(HError):
    """This site has no identity provider."""

    kind = ErrorKind.NOT_FOUND


def provider_of(settings: Settings) -> "Provider | None":
    """Return the site's provider, which nobody has asked anything yet; None without one."""
    if settings.oidc_issuer is None:
        return None
    from hweb.oidc.provider import Provider  # noqa: PLC0415 - most sites have none, and need not hold its libraries

    return Provider(settings)


async def _issuer(request: Request) -> str:
    found: str | None = request.app.state.resources.settings.oidc_issuer
    if found is None:
        raise NoProviderError("There is nothing here.")
    return found


IssuerDep = Annotated[str, Depends(_issuer)]
"""The issuer of the site's provider; without one there is nothing here (404)."""


async def _provider(request: Request, _issuer: IssuerDep) -> AsyncIterator["Provider"]:
    provider: Provider = request.app.state.provider
    async with provider.places.taken():
        yield provider


ProviderDep = Annotated["Provider", Depends(_provider, scope="function")]
"""The site's provider and the right to ask it now; as many routes at once as have threads to spare."""
