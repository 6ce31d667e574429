"""The tokens that the client keeps in the storage of the sidebar's origin."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
from playwright.sync_api import Page

from tests.browser.system import System
from tests.browser.visitor import Visitor

_KEY = "Object.keys(localStorage).find(key => key.startsWith('hypothesis.oauth.') && key.endsWith('.token'))"
_READ = f"() => JSON.parse(localStorage.getItem({_KEY}) ?? 'null')"
_CHANGE = (
    f"changes => {{ const key = {_KEY};"
    " localStorage.setItem(key, JSON.stringify({...JSON.parse(localStorage.getItem(key)), ...changes})) }"
)


def stored_token(visitor: Visitor, system: System) -> dict[str, Any]:
    """Return what is kept: `accessToken`, `refreshToken`, and `expiresAt` in milliseconds."""
    with _page_without_client(visitor, system) as page:
        kept: dict[str, Any] = page.evaluate(_READ)
        return kept


def change_token(visitor: Visitor, system: System, changes: dict[str, Any]) -> None:
    """Change what is kept; pages that are open notice."""
    with _page_without_client(visitor, system) as page:
        page.evaluate(_CHANGE, changes)


def userid_of(access_token: str, system: System) -> str | None:
    """Return whose token the server takes it for."""
    answer = httpx2.get(f"{system.url}/api/profile", headers={"Authorization": f"Bearer {access_token}"})
    userid: str | None = answer.raise_for_status().json()["userid"]
    return userid


@contextmanager
def _page_without_client(visitor: Visitor, system: System) -> Iterator[Page]:
    page = visitor.context.new_page()
    page.goto(f"{system.url}/robots.txt")
    yield page
    page.close()
