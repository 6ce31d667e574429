"""A mail server that takes everything and remembers it."""

import email
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiosmtpd.controller import Controller
from hcommon.testing.ports import free_port


class MailServer:
    """What arrived, by `Message-ID`; it goes on listening while the system is killed around it.

    Attributes:
        port: Where it listens.
    """

    def __init__(self, port: int) -> None:
        self.port = port
        self._arrived: Counter[str] = Counter()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Take a message."""
        message = email.message_from_bytes(envelope.content)
        self._arrived[str(message["Message-ID"]).strip("<>")] += len(envelope.rcpt_tos)
        return "250 Taken"

    def replies(self) -> dict[str, int]:
        """Return how often the mail about each reply arrived, by the reply's id."""
        return {
            message_id.split(".")[1]: count
            for message_id, count in dict(self._arrived).items()
            if message_id.startswith("reply.")
        }


@contextmanager
def listening() -> Iterator[MailServer]:
    """Listen on a free port."""
    server = MailServer(free_port())
    controller = Controller(server, hostname="127.0.0.1", port=server.port)
    controller.start()
    try:
        yield server
    finally:
        controller.stop()
