"""RabbitMQ's publisher confirms for many messages at a time.

py-amqp's own confirm mode waits for every message; a quorum queue then takes some hundreds a second. Here a batch is
written at once and the confirms are counted.

Source: RabbitMQ, "Consumer Acknowledgements and Publisher Confirms": delivery tags count up from 1 on each channel
from `confirm.select` on; for a message that is not routed `basic.return` comes before its `basic.ack`.
"""

import time
from typing import Any

from kombu import Connection


class NotConfirmedError(Exception):
    """The broker refused a message, or did not answer in time; what it has of the batch is uncertain."""


class Confirms:
    """The messages of one channel that the broker has not confirmed yet."""

    def __init__(self, channel: Any) -> None:
        """Put a py-amqp channel into confirm mode; nothing may have been published on it."""
        self._published = 0
        self._open: set[int] = set()
        self._refused = False
        self._returned: list[str] = []
        channel.confirm_select()
        channel.events["basic_ack"].add(self._on_ack)
        channel.events["basic_nack"].add(self._on_nack)
        channel.events["basic_return"].add(self._on_return)

    def expect(self) -> None:
        """Count one message that is about to be published."""
        self._published += 1
        self._open.add(self._published)

    def wait(self, connection: Connection, *, timeout_seconds: float) -> list[str]:
        """Wait until all that was published is confirmed; return the `correlation_id` of what was not routed.

        Raises:
            NotConfirmedError: A message was refused, or not confirmed in time.
        """
        deadline = time.monotonic() + timeout_seconds
        while self._open and not self._refused:
            try:
                connection.drain_events(timeout=max(deadline - time.monotonic(), 0.001))
            except TimeoutError as error:
                raise NotConfirmedError(f"{len(self._open)} messages were not confirmed in time.") from error
        if self._refused:
            raise NotConfirmedError("The broker refused a message.")
        returned, self._returned = self._returned, []
        return returned

    def _on_ack(self, delivery_tag: int, multiple: bool) -> None:
        if multiple:
            self._open = {tag for tag in self._open if tag > delivery_tag}
        else:
            self._open.discard(delivery_tag)

    def _on_nack(self, delivery_tag: int, multiple: bool) -> None:
        self._refused = True
        self._on_ack(delivery_tag, multiple)

    def _on_return(self, _error: Exception, _exchange: str, _routing_key: str, message: Any) -> None:
        self._returned.append(message.properties.get("correlation_id", ""))
