"""Sending a browser to the provider."""

import secrets
from typing import TYPE_CHECKING, Final

from fastapi import Request
from starlette.responses import RedirectResponse, Response

from hweb.oidc.pending import Pending
from hweb.oidc.schemas import Begun
from hweb.resources import Resources
from hweb.visitor import Visitor

if TYPE_CHECKING:
    from hweb.oidc.provider import Provider

PRIVATE_ADDRESS: Final = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}
"""For addresses that hold a ticket or a code: no other site, cache or page learns them."""

_RANDOM_BYTES = 48


def send_to(
    provider: "Provider",
    request: Request,
    held: Resources,
    visitor: Visitor,
    *,
    carried: dict[str, str],
    user_id: int | None = None,
) -> Response:
    """Send the visitor to the provider, and keep what is needed when they come back.

    Args:
        provider: Where to.
        request: Of the visitor.
        held: What the process holds.
        visitor: Who.
        carried: What the chain of pages hands on.
        user_id: Whose account is to be connected; None to log in.
    """
    pending = Pending(request, held)
    begun = Begun(
        nonce=secrets.token_urlsafe(_RANDOM_BYTES),
        verifier=secrets.token_urlsafe(_RANDOM_BYTES),
        carried=carried,
        user_id=user_id,
    )
    url = provider.login_url(state=pending.put(begun), begun=begun, now=held.clock.now())
    answer = RedirectResponse(url, 302, headers=PRIVATE_ADDRESS)
    pending.set_cookie(answer, visitor)
    return answer
