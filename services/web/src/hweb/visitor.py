"""Who looks at the site: the browser's session, its cookie, and the token of its forms.

That token is derived from the session's secret or, before sign-in, from a random cookie (a signed double submit), so
that nothing is stored for visitors. The API knows nothing of this, but for the few routes that say so: it is asked
with tokens.
Source: specification of the API, section 2.4.
"""

import base64
import hmac
import re
import secrets
from functools import cached_property
from typing import Final

from hcommon.auth import ANONYMOUS, Principal, principal_of_user
from hcommon.ids import split_userid
from hcommon.sessions import BrowserSession, SessionStore
from sqlalchemy import Connection
from sqlalchemy.orm import Session
from starlette.requests import Request
from starlette.responses import Response

from hweb.resources import Resources

SESSION_COOKIE: Final = "h_session"
CSRF_COOKIE: Final = "h_csrf"
COOKIE_SECONDS: Final = 365 * 24 * 3600
"""Life of the cookie; the session it names ends earlier when it is not used."""

_NONCE_BYTES = 12
_COOKIE_VALUE = re.compile(r"[A-Za-z0-9_-]{43}")
# The first that fits names the browser: those further down also claim to be those further up.
_AGENTS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
# Android also says Linux, and an iPhone or iPad that it is like Mac OS X.
_SYSTEMS = (
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("CrOS", "ChromeOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


class Visitor:
    """The browser that sent a request; Redis is asked only when something needs to know."""

    def __init__(self, request: Request, held: Resources) -> None:
        self._request = request
        self._held = held
        self.store = SessionStore(held.redis)

    @property
    def address(self) -> str:
        """Return the network address; behind proxies, what the trusted ones say."""
        return self._request.client.host if self._request.client else ""

    @cached_property
    def session(self) -> BrowserSession | None:
        """The session, or None for a visitor who is not signed in.

        Raises:
            SessionsUnavailableError: Redis is away.
        """
        cookie = self._request.cookies.get(SESSION_COOKIE, "")
        if not _COOKIE_VALUE.fullmatch(cookie):
            return None
        return self.store.find(cookie, now=self._held.clock.now())

    def principal(self, connection: Connection | Session) -> Principal:
        """Return the session's user with all memberships, and let the page's header know; anonymous without one.

        Raises:
            SessionsUnavailableError: Redis is away.
        """
        principal = principal_of_user(connection, self.session.user_id) if self.session else ANONYMOUS
        if principal.userid is not None:
            self._request.state.user = {"username": split_userid(principal.userid)[0]}
            self._request.state.csrf_token = self.csrf_token()
        return principal

    def sign_in(self, response: Response, *, user_id: int) -> None:
        """Start a new session for this browser; one that it had before ends."""
        if self.session is not None:
            self.store.end(self.session)
        cookie, session = self.store.start(
            user_id=user_id,
            now=self._held.clock.now(),
            agent=device_name(self._request.headers.get("user-agent", "")),
            address=self.address,
        )
        self.__dict__["session"] = session
        self.set_cookie(response, SESSION_COOKIE, cookie, max_age=COOKIE_SECONDS)

    def sign_out(self, response: Response) -> None:
        """End this browser's session, if it has one."""
        if self.session is not None:
            self.store.end(self.session)
        self.__dict__["session"] = None
        self.set_cookie(response, SESSION_COOKIE, "", max_age=0)

    def csrf_token(self) -> str | None:
        """Return a new token for this visitor's forms; None for one with neither a session nor the cookie."""
        binding = self._csrf_binding
        if binding is None:
            return None
        # A new nonce for each page: compressed answers don't give the token away byte by byte.
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return base64.urlsafe_b64encode(nonce + self._mac(nonce, binding)).decode()

    def owns(self, csrf_token: str) -> bool:
        """Tell whether this is a token that this visitor was given."""
        binding = self._csrf_binding
        try:
            raw = base64.b64decode(csrf_token, altchars=b"-_", validate=True)
        except ValueError:
            return False
        nonce, mac = raw[:_NONCE_BYTES], raw[_NONCE_BYTES:]
        return binding is not None and hmac.compare_digest(mac, self._mac(nonce, binding))

    def new_csrf_cookie(self) -> str:
        """Make the cookie that a visitor without a session needs for forms; it still has to be sent."""
        self._request.cookies[CSRF_COOKIE] = secrets.token_urlsafe(32)
        return self._request.cookies[CSRF_COOKIE]

    @property
    def _csrf_binding(self) -> str | None:
        if self.session is not None:
            return f"session:{self.session.csrf_secret}"
        cookie = self._request.cookies.get(CSRF_COOKIE)
        return f"visitor:{cookie}" if cookie else None

    def _mac(self, nonce: bytes, binding: str) -> bytes:
        return hmac.digest(self._held.keys.derive("csrf"), nonce + binding.encode("utf-8", "replace"), "sha256")

    def set_cookie(self, response: Response, name: str, value: str, *, max_age: int | None) -> None:
        """Set a cookie that scripts cannot read and other sites' forms do not send; `max_age` in seconds."""
        secure = self._held.settings.app_url.startswith("https://")
        response.set_cookie(name, value, max_age=max_age, path="/", httponly=True, samesite="lax", secure=secure)


def browser_name(user_agent: str) -> str:
    """Return what people call the browser; `other` for what is none of the common ones."""
    return next((name for mark, name in _AGENTS if mark in user_agent), "other")


def device_name(user_agent: str) -> str:
    """Return the browser and what it runs on, in words by which its owner knows it again: `Firefox on Linux`."""
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), None)
    browser = browser_name(user_agent)
    return f"{browser} on {system}" if system else browser
