"""What goes on in a browser: its traffic, and everything that should not happen."""

import json
import re
import time
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import BrowserContext, ConsoleMessage, Page, Request, Response, WebError, WebSocket

HOST = "localhost"
WRITES = frozenset({"POST", "PATCH", "DELETE"})

ALLOWED: dict[str, str] = {}
"""Console errors that are no fault of ours, as patterns, each with its reason."""


@dataclass(frozen=True)
class Frame:
    """A message that came over a WebSocket; `at` is monotonic seconds."""

    socket: WebSocket
    at: float
    message: dict[str, Any]


class Watch:
    """Takes down the traffic of a browser context from its beginning.

    Attributes:
        requests: All of them, in order.
        frames: What the server sent over WebSockets.
        sockets: The WebSockets in the order in which they were opened.
        filtered: Those of them on which the client has said what it wants to hear of.
        answered: When an answer's headers arrived, in monotonic seconds.
    """

    def __init__(self, context: BrowserContext) -> None:
        self.requests: list[Request] = []
        self.frames: list[Frame] = []
        self.sockets: list[WebSocket] = []
        self.filtered: set[WebSocket] = set()
        self.answered: dict[Request, float] = {}
        self._problems: list[str] = []
        self._allowed = [re.compile(pattern) for pattern in ALLOWED]
        context.on("page", self._see_page)
        context.on("request", self._see_request)
        context.on("response", self._see_response)
        context.on("console", self._see_console)
        context.on("weberror", self._see_error)

    def allow(self, pattern: str) -> None:
        """Expect a problem that a test provokes."""
        self._allowed.append(re.compile(pattern))

    @property
    def problems(self) -> list[str]:
        """What should not have happened: foreign hosts, server errors, errors on the console, uncaught exceptions."""
        return [said for said in self._problems if not any(pattern.search(said) for pattern in self._allowed)]

    def calls(self, path: str, *, method: str = "GET") -> list[Request]:
        """Return the requests for a path, in order."""
        return [each for each in self.requests if each.method == method and urlsplit(each.url).path == path]

    def notices(self, action: str) -> list[Frame]:
        """Return the messages that an annotation was created, updated or deleted."""
        return [
            frame
            for frame in self.frames
            if frame.message.get("type") == "annotation-notification" and frame.message["options"]["action"] == action
        ]

    def last_write(self) -> float:
        """Return when the newest write of an annotation was answered, in monotonic seconds."""
        return max(
            at
            for request, at in self.answered.items()
            if request.method in WRITES and "/api/annotations" in request.url
        )

    def _see_page(self, page: Page) -> None:
        page.on("websocket", self._see_socket)

    def _see_request(self, request: Request) -> None:
        self.requests.append(request)
        self._check_host(request.url)

    def _see_response(self, response: Response) -> None:
        self.answered[response.request] = time.monotonic()
        if response.status >= 500:
            self._problems.append(f"{response.request.method} {response.url} was answered {response.status}")

    def _see_console(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            where = message.location["url"] or (message.page.url if message.page else "?")
            self._problems.append(f"console of {where}: {message.text}")

    def _see_error(self, error: WebError) -> None:
        self._problems.append(f"uncaught: {error.error}")

    def _see_socket(self, socket: WebSocket) -> None:
        self.sockets.append(socket)
        self._check_host(socket.url)
        socket.on("framesent", partial(self._see_sent, socket))
        socket.on("framereceived", partial(self._see_frame, socket))

    def _see_sent(self, socket: WebSocket, payload: str | bytes) -> None:
        if "filter" in json.loads(payload):
            self.filtered.add(socket)

    def _see_frame(self, socket: WebSocket, payload: str | bytes) -> None:
        self.frames.append(Frame(socket=socket, at=time.monotonic(), message=json.loads(payload)))

    def _check_host(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in {"data", "blob"} and address.hostname != HOST:
            self._problems.append(f"request to a foreign host: {url}")
