"""Where to go after signing in: never to another site."""

import re
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode, urlsplit

from starlette.responses import RedirectResponse, Response

from hweb.security_headers import policy

HOME: Final = "/"

# Browsers drop control characters and read a backslash as a slash.
_TREACHEROUS = re.compile(r"[\x00-\x20\x7f\\]")


def safe_next(target: str, *, app_url: str) -> str:
    """Return the part of `target` after the host if it leads to this site, else `HOME`.

    A path of ours and an address that starts with `APP_URL`'s origin are ours. The result starts with exactly one
    slash, so that the host that the visitor sees stays the one that he came to.
    """
    if target.startswith("//") or _TREACHEROUS.search(target):
        return HOME
    try:
        parts, ours = urlsplit(target), urlsplit(app_url)
    except ValueError:
        return HOME
    if (parts.scheme or parts.netloc) and (parts.scheme, parts.netloc) != (ours.scheme, ours.netloc):
        return HOME
    if not parts.path.startswith("/") or parts.path.startswith("//"):
        return HOME
    return parts.path + (f"?{parts.query}" if parts.query else "")


def to_login(path: str, *, status: int = 302) -> Response:
    """Have a visitor who is not logged in do that first, and come back to this path of ours."""
    return RedirectResponse(f"/login?{urlencode({'next': path})}", status)


def carried_fields(values: Mapping[str, str]) -> dict[str, str]:
    """Return what a chain of pages hands on: where it leads, and that it runs in the pop-up of a client."""
    return {name: values[name] for name in ("next", "for_oauth") if values.get(name)}


def carrying_headers(carried: Mapping[str, str]) -> dict[str, str]:
    """Return the headers of a form in such a chain.

    The chain may end at a client's address on another site, and browsers hold redirects after a form against
    `form-action`.
    """
    return {"Content-Security-Policy": policy({"form-action": None})} if "next" in carried else {}
