"""The API as a program uses it, over a connection that is opened again when it broke."""

import http.client
import json
from typing import Any, Final
from urllib.parse import urlencode, urlsplit

TIMEOUT_SECONDS: Final = 40.0
"""Longer than any request may take, so that one that was given up is over."""


class NoAnswerError(Exception):
    """The connection was refused, or broke before the answer was there."""


class Api:
    """One account's requests, one at a time."""

    def __init__(self, url: str, *, token: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=TIMEOUT_SECONDS, blocksize=65536
        )
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def close(self) -> None:
        """Close the connection."""
        self._connection.close()

    def request(self, method: str, path: str, body: dict[str, Any] | None = None) -> tuple[int, Any]:
        """Return status and JSON of the answer.

        Raises:
            NoAnswerError: There was none; the request may have taken effect.
        """
        try:
            self._connection.request(
                method, f"/api{path}", json.dumps(body) if body is not None else None, self._headers
            )
            answer = self._connection.getresponse()
            text = answer.read()
        except (OSError, http.client.HTTPException) as error:
            self._connection.close()
            raise NoAnswerError(repr(error)) from error
        return answer.status, json.loads(text) if text else None

    def create(self, *, uri: str, text: str, tags: list[str], references: list[str] | None = None) -> str:
        """Create a public annotation, which must succeed, and return its id."""
        status, note = self.request("POST", "/annotations", body_of(uri, text, tags, references))
        assert status == 200, note
        return str(note["id"])

    def search(self, **terms: str) -> list[dict[str, Any]]:
        """Search, and return the rows."""
        status, found = self.request("GET", f"/search?{urlencode(terms)}")
        assert status == 200, found
        rows: list[dict[str, Any]] = found["rows"]
        return rows


def body_of(uri: str, text: str, tags: list[str], references: list[str] | None = None) -> dict[str, Any]:
    """Return the body of a new public annotation, as the client sends it."""
    return {
        "uri": uri,
        "text": text,
        "tags": tags,
        "group": "__world__",
        "permissions": {"read": ["group:__world__"]},
        "document": {"title": [f"Page {uri}"], "link": [{"href": uri}]},
        "target": [{"source": uri, "selector": [{"type": "TextQuoteSelector", "exact": f"quote of {text}"}]}],
        "references": references or [],
    }
