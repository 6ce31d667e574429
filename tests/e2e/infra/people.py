"""People who use the site and the API from outside."""

import html
import json
import re
import secrets
import ssl
from typing import Any, Self
from urllib.parse import urlsplit

import httpx2

from tests.e2e.infra.system import System

PASSWORD = "correct horse battery staple"
_CSRF = re.compile(r'name="csrf_token" value="([^"]+)"')
_CONFIG = re.compile(r'class="js-hypothesis-config"[^>]*>(.*?)</script>', re.DOTALL)


class Visitor:
    """A browser without scripts: cookies, pages and forms."""

    def __init__(self, system: System, *, url: str | None = None) -> None:
        self._http = httpx2.Client(base_url=url or system.url, timeout=20)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    def get(self, address: str) -> httpx2.Response:
        """Open a page, without following it elsewhere."""
        return self._http.get(address)

    def submit(self, page: str, **fields: str) -> httpx2.Response:
        """Open a page with a form and send that."""
        found = _CSRF.search(self.get(page).raise_for_status().text)
        assert found, f"{page} has no form"
        return self._http.post(page.partition("?")[0], data={"csrf_token": html.unescape(found[1]), **fields})

    def sign_up(self, username: str) -> None:
        """Ask for an account."""
        answer = self.submit(
            "/signup",
            username=username,
            email=f"{username}@example.org",
            password=PASSWORD,
            privacy_accepted="true",
        )
        assert answer.status_code == 200, answer.text

    def log_in(self, username: str) -> None:
        """Start a session."""
        answer = self.submit("/login", username=username, password=PASSWORD)
        assert answer.status_code == 302, answer.text

    def token(self) -> str:
        """Return an access token, got as the client gets it: a code by web message, exchanged for a token."""
        found = _CONFIG.search(self.get("/app.html").raise_for_status().text)
        assert found, "the client's page has no configuration"
        client_id = json.loads(found[1])["oauthClientId"]
        state = secrets.token_hex(8)
        page = self._http.get(
            "/oauth/authorize",
            params={
                "client_id": client_id,
                "response_mode": "web_message",
                "response_type": "code",
                "state": state,
                "origin": str(self._http.base_url).rstrip("/"),
            },
        )
        code = re.search(r'code(?:"|&#34;|&quot;): ?(?:"|&#34;|&quot;)([^"&]+)', page.raise_for_status().text)
        assert code, page.text
        answer = self._http.post(
            "/api/token",
            data={"grant_type": "authorization_code", "code": code[1], "client_id": client_id},
        )
        token: str = answer.raise_for_status().json()["access_token"]
        return token


class Api:
    """What one account does through the API."""

    def __init__(
        self, system: System, *, token: str | None, url: str | None = None, trust: ssl.SSLContext | bool = True
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        self.token = token
        self.http = httpx2.Client(base_url=f"{url or system.url}/api", headers=headers, timeout=20, verify=trust)
        system.closing.callback(self.http.close)

    def create(self, **values: Any) -> dict[str, Any]:
        """Create an annotation, shared with everybody unless told otherwise."""
        body = {"group": "__world__", "permissions": {"read": ["group:__world__"]}} | values
        row: dict[str, Any] = self.http.post("/annotations", json=body).raise_for_status().json()
        return row

    def search(self, **terms: str | int) -> dict[str, Any]:
        """Search, and return rows and total."""
        found: dict[str, Any] = self.http.get("/search", params=terms).raise_for_status().json()
        return found


def account(system: System, username: str) -> Api:
    """Make an account with the command line, and return its API."""
    email = f"{username}@example.org"
    system.run("web", "sh", "-c", f"echo '{PASSWORD}' | h user add {username} --email {email} --password-stdin")
    return Api(system, token=system.h("token", "create", username).strip().splitlines()[-1])


def path_of(url: str) -> str:
    """Return the part of an address that comes behind the host."""
    parts = urlsplit(url)
    return parts.path + (f"?{parts.query}" if parts.query else "")
