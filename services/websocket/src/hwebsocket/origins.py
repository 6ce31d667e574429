"""Which web pages may open a socket.

A browser names the origin of the page in every handshake; other programs need not, and are not stopped here: the
check protects the readers of foreign pages, and what a socket shows depends on its token alone.
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import urlsplit

ANY_ORIGIN: Final = "*"
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class OriginPolicy:
    """The site's own origin and those that its operator lists.

    Attributes:
        allows_any: Whether `*` is listed.
    """

    def __init__(self, *, app_url: str, allowed: Iterable[str]) -> None:
        listed = tuple(allowed)
        self.allows_any = ANY_ORIGIN in listed
        self._origins = {normalize_origin(item) for item in (app_url, *listed)} - {None}

    def allows(self, origin: str | None) -> bool:
        """Return whether a handshake with this `Origin` header may go on; None means that there is no header."""
        return origin is None or self.allows_any or normalize_origin(origin) in self._origins


def normalize_origin(text: str) -> str | None:
    """Return an origin as browsers write it: lower case, without a default port, host names in ASCII.

    None for whatever is not an origin: `null`, a URL with a path, text without a scheme.
    """
    try:
        parts = urlsplit(text.strip())
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError:
        return None
    if not parts.scheme or not host or parts.path.strip("/") or parts.query or parts.fragment or parts.username:
        return None
    if ":" in host:
        host = f"[{host}]"
    named = port is not None and port != _DEFAULT_PORTS.get(parts.scheme)
    return f"{parts.scheme}://{host}:{port}" if named else f"{parts.scheme}://{host}"
