"""What h sends out: an SMTP server and a statsd server that keep what they get."""

import email
import email.policy
import random
import socket
import tempfile
import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller

from tests.e2e.infra.waiting import wait_until


class MailSink:
    """An SMTP server on all addresses of this machine.

    Attributes:
        messages: What came, in order.
        directory: Where each is kept as a file too.
    """

    def __init__(self) -> None:
        self._kept = tempfile.TemporaryDirectory(prefix="h-e2e-mail-")
        self.directory = Path(self._kept.name)
        self.messages: list[EmailMessage] = []
        self._controller = Controller(self, hostname="0.0.0.0", port=free_port())  # noqa: S104 - containers reach it
        self._controller.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._controller.port)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Keep a message."""
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        assert isinstance(message, EmailMessage)
        partial = self.directory / "partial"
        partial.write_bytes(envelope.content)
        partial.rename(self.directory / f"{len(self.messages):06d}.eml")
        self.messages.append(message)
        return "250 kept"

    def wait_for(self, *, to: str, subject: str, seconds: float = 20) -> EmailMessage:
        """Return the message to somebody whose subject contains this, once it has come."""
        wait_until(lambda: self.all(to=to, subject=subject), seconds=seconds, what=f"mail {subject!r} to {to}")
        return self.all(to=to, subject=subject)[0]

    def all(self, *, to: str, subject: str) -> list[EmailMessage]:
        """Return every message to somebody whose subject contains this."""
        return [item for item in list(self.messages) if to in item["To"] and subject in item["Subject"]]

    def close(self) -> None:
        """Stop listening."""
        self._controller.stop()
        self._kept.cleanup()


class StatsdSink:
    """A statsd server on all addresses of this machine."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("0.0.0.0", 0))  # noqa: S104 - containers reach it
        self._thread = threading.Thread(target=self._receive, daemon=True)
        self._thread.start()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._socket.getsockname()[1])

    def wait_for(self, wanted: Callable[[str], bool], *, seconds: float = 20) -> str:
        """Return a metric's line of this kind, once it has come."""
        return wait_until(lambda: next(filter(wanted, list(self.lines)), ""), seconds=seconds, what="a metric")

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()

    def _receive(self) -> None:
        while True:
            try:
                packet = self._socket.recv(65_536)
            except OSError:
                return
            self.lines.extend(packet.decode().splitlines())


def free_port() -> int:
    """Return a TCP port that nobody uses now.

    None of those that outgoing connections get: such a port would often be taken before the container is there.
    """
    while True:
        with socket.socket() as probe:
            port = random.randrange(12_000, 32_000)  # noqa: S311 - nothing secret
            with suppress(OSError):
                probe.bind(("", port))
                return port


def free_ports(count: int) -> list[int]:
    """Return so many TCP ports in a row that nobody uses now."""
    while True:
        first = free_port()
        with ExitStack() as probes:
            try:
                for port in range(first, first + count):
                    probe = probes.enter_context(socket.socket())
                    probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return list(range(first, first + count))
