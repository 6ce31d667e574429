"""The API, as programs use it with a developer token."""

from typing import Any, Self

import httpx2

from tests.browser.cards import Note
from tests.browser.system import System


class Api:
    """What one account does through the API; close it by leaving its `with` block."""

    def __init__(self, system: System, *, token: str) -> None:
        self._client = httpx2.Client(base_url=f"{system.url}/api", headers={"Authorization": f"Bearer {token}"})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._client.close()

    def create(self, **values: Any) -> Note:
        """Create an annotation, shared with everybody unless told otherwise."""
        body = {"permissions": {"read": ["group:__world__"]}, "group": "__world__"} | values
        note: Note = self._client.post("/annotations", json=body).raise_for_status().json()
        return note

    def search(self, **terms: str) -> list[Note]:
        """Search, and return the rows."""
        rows: list[Note] = self._client.get("/search", params=terms).raise_for_status().json()["rows"]
        return rows

    def profile(self) -> dict[str, Any]:
        """Return the account's profile."""
        profile: dict[str, Any] = self._client.get("/profile").raise_for_status().json()
        return profile
