"""What the tests need to know of a system, however its containers were started."""

from contextlib import ExitStack
from typing import Protocol

from tests.e2e.infra.sinks import MailSink


class System(Protocol):
    """All of h in containers."""

    @property
    def url(self) -> str:
        """Where people find it."""
        ...

    @property
    def mail(self) -> MailSink:
        """Where its mail goes."""
        ...

    @property
    def closing(self) -> ExitStack:
        """Whatever is to be closed with it."""
        ...

    def run(self, name: str, *command: str) -> str:
        """Run a command in a container and return what it said."""
        ...

    def h(self, *arguments: str) -> str:
        """Run the command `h`."""
        ...

    def sql(self, statement: str) -> str:
        """Return what PostgreSQL answers, unaligned."""
        ...
