"""Somebody who looks at a page: a socket, and what it was told."""

import json
import threading
from contextlib import ExitStack
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

SECONDS = 15.0


class Listener:
    """A socket that follows one page from a thread of its own.

    Attributes:
        closed: Set when the server or the network ended it.
    """

    def __init__(self, url: str, *, page: str, token: str | None = None) -> None:
        """Connect, and return once the page is being followed."""
        self.page = page
        self.closed = threading.Event()
        self._texts: dict[str, str] = {}
        self._deleted: set[str] = set()
        self._stack = ExitStack()
        self._socket = self._stack.enter_context(
            connect(
                f"{url}?access_token={token}" if token else url,
                open_timeout=SECONDS,
                close_timeout=SECONDS,
                max_queue=None,
            )
        )
        clause = {"field": "/uri", "operator": "one_of", "value": [page], "case_sensitive": False}
        actions = {"create": True, "update": True, "delete": True}
        self._send({"filter": {"match_policy": "include_any", "clauses": [clause], "actions": actions}})
        self._send({"type": "ping", "id": 1})
        while json.loads(self._socket.recv(timeout=SECONDS)).get("reply_to") != 1:
            pass
        self._thread = threading.Thread(target=self._listen, name=f"listener {page}")
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()
        self._thread.join()

    def texts(self) -> dict[str, str]:
        """Return the newest text that was heard of each annotation, by id."""
        return dict(self._texts)

    def deleted(self) -> set[str]:
        """Return the ids of which a deletion was heard."""
        return set(self._deleted)

    def _send(self, message: dict[str, Any]) -> None:
        self._socket.send(json.dumps(message))

    def _listen(self) -> None:
        try:
            for frame in self._socket:
                self._take(json.loads(frame))
        except ConnectionClosed:
            pass
        self.closed.set()

    def _take(self, message: dict[str, Any]) -> None:
        if message.get("type") != "annotation-notification":
            return
        for note in message["payload"]:
            if message["options"]["action"] == "delete":
                self._deleted.add(note["id"])
            else:
                self._texts[note["id"]] = note["text"]
