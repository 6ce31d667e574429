"""A limit on how long PostgreSQL may keep somebody waiting, kept on this side.

`statement_timeout` is kept by the server, which cannot do so while its process is stopped or its disk hangs. libpq
itself waits without end, and TCP's own timers see nothing amiss, since the other machine's kernel goes on
acknowledging. So a thread looks after the connections once a second, and shuts the socket of one that has waited for
too long: the waiting thread then learns that the connection is lost.
"""

import os
import socket
import threading
import time
from contextlib import suppress
from typing import Any
from weakref import WeakSet

import psycopg2.extensions

from hcommon.logging import get_logger

_LOOK_SECONDS = 1.0

_log = get_logger(__name__)


class WatchedCursor(psycopg2.extensions.cursor):
    """Notes when it asks the server, and when there is an answer."""

    connection: "WatchedConnection"

    def execute(self, *args: Any, **kwargs: Any) -> None:
        """Run a statement."""
        asking = self.connection
        asking.asked_at = time.monotonic()
        try:
            super().execute(*args, **kwargs)
        finally:
            asking.answered()

    def executemany(self, *args: Any, **kwargs: Any) -> None:
        """Run a statement several times; the limit is for all of them."""
        asking = self.connection
        asking.asked_at = time.monotonic()
        try:
            super().executemany(*args, **kwargs)
        finally:
            asking.answered()


class WatchedConnection(psycopg2.extensions.connection):
    """A connection that can be cut off from another thread while it waits.

    Attributes:
        asked_at: Since when it waits for the server, in monotonic seconds; None while it does not.
    """

    def __init__(self, dsn: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(dsn, *args, **kwargs)
        self.asked_at: float | None = None
        self.cursor_factory = WatchedCursor
        self._answer = threading.Lock()
        self._socket = self.fileno()

    def commit(self) -> None:
        """Commit."""
        self.asked_at = time.monotonic()
        try:
            super().commit()
        finally:
            self.answered()

    def rollback(self) -> None:
        """Roll back."""
        self.asked_at = time.monotonic()
        try:
            super().rollback()
        finally:
            self.answered()

    def answered(self) -> None:
        """Note that the server has answered; afterwards nobody touches the socket."""
        with self._answer:
            self.asked_at = None

    def cut_off(self, *, asked_before: float) -> bool:
        """Shut the socket if the connection has waited since then; return whether it had."""
        with self._answer:
            if self.asked_at is None or self.asked_at > asked_before:
                return False
            with suppress(OSError), socket.socket(fileno=os.dup(self._socket)) as same:
                same.shutdown(socket.SHUT_RDWR)
            return True


class AnswerWatch:
    """Looks after the connections of one pool, from a thread that lives as long as there are any."""

    def __init__(self, *, seconds: float) -> None:
        self._seconds = seconds
        self._connections: WeakSet[WatchedConnection] = WeakSet()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def add(self, connection: WatchedConnection) -> None:
        """Look after a new connection until it is closed."""
        with self._lock:
            self._connections.add(connection)
            if self._thread is None:
                self._thread = threading.Thread(target=self._look, name="database-answers", daemon=True)
                self._thread.start()

    def _look(self) -> None:
        while True:
            time.sleep(min(_LOOK_SECONDS, self._seconds))
            with self._lock:
                open_ones = [connection for connection in self._connections if not connection.closed]
                if not open_ones:
                    self._thread = None
                    return
            limit = time.monotonic() - self._seconds
            for connection in open_ones:
                if connection.cut_off(asked_before=limit):
                    _log.error("database_does_not_answer", waited_seconds=self._seconds)
            del open_ones, connection
