"""A client's socket that stays connected: it comes back when it is closed, as the sidebar does."""

import json
import ssl
import threading
import uuid
from types import TracebackType
from typing import Any, Self

from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from tests.e2e.infra.waiting import wait_until

_PAUSE_SECONDS = 0.3


class Listener:
    """Hears of everything on the pages that it names.

    Attributes:
        heard: Ids of annotations whose creation was announced, with repetitions.
        opened: How often it connected.
        closes: Codes with which the server ended connections.
        problem: Why it could not connect the last time.
    """

    def __init__(self, url: str, *, token: str, uris: list[str], trust: ssl.SSLContext | None = None) -> None:
        self._url = f"{url}?access_token={token}"
        self._uris = uris
        self._trust = trust
        self._stop = threading.Event()
        self._connection: ClientConnection | None = None
        self._ready = threading.Event()
        self.heard: list[str] = []
        self.opened = 0
        self.closes: list[int] = []
        self.problem = ""
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.wait_until_open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        if self._connection is not None:
            self._connection.close()
        self._thread.join(10)

    def wait_for(self, ids: set[str], *, seconds: float = 20) -> None:
        """Wait until all of these were announced."""
        wait_until(lambda: ids <= set(self.heard), seconds=seconds, what=f"announcement of {len(ids)} annotations")

    def wait_until_open(self, *, seconds: float = 20) -> None:
        """Wait until it is connected and the server has answered."""
        assert self._ready.wait(seconds), f"the socket did not open: {self.problem}"

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with connect(self._url, proxy=None, ssl=self._trust) as connection:
                    self._connection = connection
                    self._listen(connection)
            except (OSError, WebSocketException) as error:
                self.problem = repr(error)
            self._ready.clear()
            self._stop.wait(_PAUSE_SECONDS)

    def _listen(self, connection: ClientConnection) -> None:
        connection.send(json.dumps({"messageType": "client_id", "value": str(uuid.uuid4())}))
        connection.send(json.dumps({"filter": _filter(self._uris)}))
        connection.send(json.dumps({"type": "ping", "id": 1}))
        try:
            for text in connection:
                self._take(json.loads(text))
        finally:
            self.closes.append(connection.close_code or 0)

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("type") == "pong":
            self.opened += 1
            self._ready.set()
        elif message.get("type") == "annotation-notification" and message["options"]["action"] == "create":
            self.heard.extend(row["id"] for row in message["payload"])


def _filter(uris: list[str]) -> dict[str, Any]:
    return {
        "match_policy": "include_any",
        "clauses": [{"field": "/uri", "operator": "one_of", "value": uris, "case_sensitive": False}],
        "actions": {"create": True, "update": True, "delete": True},
    }
