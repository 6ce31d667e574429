"""Events of the people who run the site."""

from typing import ClassVar

from hcommon.events.base import Consumer, Event


class MailTestRequested(Event):
    """Somebody who runs the site wants to know whether mail arrives.

    Attributes:
        to: The address to write to.
    """

    TYPE: ClassVar[str] = "mail_test.requested"
    CONSUMERS: ClassVar[frozenset[Consumer]] = frozenset({Consumer.WORKER})

    to: str
