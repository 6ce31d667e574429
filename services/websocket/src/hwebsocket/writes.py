"""Gathers the frames of a batch of events by socket, and writes to each socket once.

Almost all of a delivery's cost is the system call. Under load batches grow, and so do writes; alone, an event is
written at once.
"""

import asyncio
from typing import Final

from hcommon.metrics import Metrics

from hwebsocket.connection import Connection
from hwebsocket.metrics import FRAMES_DROPPED, FRAMES_SENT

MOST_BYTES: Final = 64 * 1024
MOST_FRAMES: Final = 500
_WRITES_IN_A_ROW: Final = 500


class Writes:
    """The frames of the batch in hand."""

    def __init__(self, *, metrics: Metrics, queue_bytes: int) -> None:
        """Begin empty.

        Args:
            metrics: Counts frames.
            queue_bytes: What may wait for one client; no more than that is gathered for it.
        """
        self._metrics = metrics
        self._most_bytes = min(MOST_BYTES, queue_bytes)
        self._frames: dict[Connection, list[bytes]] = {}
        self._sent = 0
        self._dropped = 0

    def add(self, connection: Connection, frame: bytes) -> None:
        """Write a frame with the next flush, behind those that were added before."""
        waiting = self._frames.get(connection)
        if waiting is None:
            self._frames[connection] = [frame]
            return
        if len(waiting) >= MOST_FRAMES or sum(map(len, waiting)) + len(frame) > self._most_bytes:
            self._write(connection, waiting)
            waiting.clear()
        waiting.append(frame)

    async def flush(self) -> int:
        """Write everything and return how many frames went out since the last time.

        Others on the event loop wait no longer than for so many writes.
        """
        gathered, self._frames = self._frames, {}
        for number, (connection, frames) in enumerate(gathered.items(), start=1):
            self._write(connection, frames)
            if number % _WRITES_IN_A_ROW == 0:
                await asyncio.sleep(0)
        sent, dropped, self._sent, self._dropped = self._sent, self._dropped, 0, 0
        self._metrics.count(FRAMES_SENT, sent)
        if dropped:
            self._metrics.count(FRAMES_DROPPED, dropped)
        return sent

    def _write(self, connection: Connection, frames: list[bytes]) -> None:
        if connection.send(*frames):
            self._sent += len(frames)
        else:
            self._dropped += len(frames)
