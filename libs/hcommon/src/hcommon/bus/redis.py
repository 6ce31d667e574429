"""kombu's Redis transport, such that a consumer or the server may be killed at any moment and no message is lost.

kombu pops a message and notes it down afterwards: in one hash for all queues of the database, under a tag that the
copies of a message in several queues share. A kill in between loses it, and the acknowledgement of one queue's copy
strikes out those of the others. Here the server itself moves a message from its queue to a list of what the queue's
consumer has in hand. Acknowledging removes it there, and whoever consumes the queue next puts the rest back at once.

A queue that expires (`x-expires`, the websocket's own) is given up with all that is in it when nobody has consumed it
for so long: its consumer renews a deadline, and whoever publishes looks for those that have passed. kombu itself lets
the messages go, and the binding that brings new ones stay.

A queue has one consumer. Would a second one start beside it, what the first has in hand would be handled twice.

Source: kombu 5.7, `transport/redis.py`: `Channel._brpop_start`, `_brpop_read`, `_get`, `_restore`; `QoS`.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from time import monotonic
from typing import Any, Final

from kombu.transport import redis, virtual
from kombu.utils.encoding import bytes_to_str
from kombu.utils.json import loads

EXPIRING: Final = "h.expiring"
"""Sorted set of the queues that expire, by their deadline in milliseconds of the server's time."""

SWEEP_SECONDS: Final = 10.0
"""How often a publisher looks for queues that have expired."""

_IN_HAND: Final = ".in-hand"
_RENEWALS: Final = 4  # within the time that the queue lives without

_NOW: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
"""
_RENEW: Final = f"""{_NOW}
return redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
"""
# ARGV: binding table, what separates the parts of a binding, ending of the list of what is in hand.
_SWEEP: Final = f"""{_NOW}
local expired = redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', now)
for _, queue in ipairs(expired) do
    local ending = ARGV[2] .. queue
    for _, member in ipairs(redis.call('SMEMBERS', ARGV[1])) do
        if string.sub(member, -#ending) == ending then
            redis.call('SREM', ARGV[1], member)
        end
    end
    redis.call('DEL', queue, queue .. ARGV[3])
    redis.call('ZREM', KEYS[1], queue)
end
return #expired
"""


class QueueExpiredError(ConnectionError):
    """The queue that is being consumed had expired, and must be declared again; what was in it is lost."""


class QoS(virtual.QoS):  # type: ignore[misc]  # kombu ships no types
    """What a channel has in hand."""

    def ack(self, delivery_tag: str) -> None:
        """Forget a message that was handled."""
        self.channel.let_go(delivery_tag)
        super().ack(delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Forget a message, or put it back to be the next."""
        if not requeue:
            self.channel.let_go(delivery_tag)
        super().reject(delivery_tag, requeue=requeue)

    def restore_unacked(self) -> None:
        """Put everything back, the oldest to be the next; with the server away, the next consumer does it."""
        self._flush()
        with suppress(*self.channel.connection_errors):
            for message in reversed(self._delivered.values()):
                self.channel._restore(message)  # noqa: SLF001 - kombu's name for what only a QoS calls
        self._delivered.clear()


class Channel(redis.Channel):  # type: ignore[misc]  # kombu ships no types
    """A channel that consumes one queue, and never lets go of a message by itself."""

    QoS = QoS

    def __init__(self, *args: Any, **options: Any) -> None:
        self._in_hand: dict[str, tuple[str, bytes]] = {}
        self._polled = ""
        self._held_table: list[tuple[str, str, str]] | None = None
        self._renew_at: dict[str, float] = {}
        self._sweep_at = 0.0
        super().__init__(*args, **options)

    def basic_consume(self, queue: str, *args: Any, **options: Any) -> Any:
        """Consume a queue, beginning with what the consumer before had in hand."""
        with self.conn_or_acquire() as client:
            while client.lmove(_in_hand(queue), queue, "LEFT", "RIGHT"):
                pass
        return super().basic_consume(queue, *args, **options)

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Acknowledge a message; with `multiple`, also all that came before it."""
        tags = [delivery_tag]
        if multiple and delivery_tag in self._in_hand:
            tags = list(self._in_hand)  # in the order of their arrival
            del tags[tags.index(delivery_tag) + 1 :]
        self.let_go(*tags)
        for tag in tags:
            super().basic_ack(tag)

    def get_table(self, exchange: str) -> list[tuple[str, str, str]]:
        """Return who gets what is published, without the queues that have expired; those are removed.

        Inside of `same_bindings` it is who got it when the block began.
        """
        if self._held_table is not None:
            return self._held_table
        if monotonic() >= self._sweep_at:
            self._sweep_at = monotonic() + SWEEP_SECONDS
            with self.conn_or_acquire() as client:
                client.eval(_SWEEP, 1, EXPIRING, self.keyprefix_queue % (exchange,), self.sep, _IN_HAND)
        table: list[tuple[str, str, str]] = super().get_table(exchange)
        return table

    @contextmanager
    def same_bindings(self, exchange: str) -> Iterator[list[tuple[str, str, str]]]:
        """Ask for the bindings of an exchange once for all that is published to it in the block, and return them."""
        self._held_table = self.get_table(exchange)
        try:
            yield self._held_table
        finally:
            self._held_table = None

    def let_go(self, *delivery_tags: str) -> None:
        """Forget messages; does nothing for those that are not in hand."""
        held = [self._in_hand.pop(tag) for tag in delivery_tags if tag in self._in_hand]
        if held:
            with self.conn_or_acquire() as client, client.pipeline(transaction=False) as pipeline:
                for queue, item in held:
                    pipeline.lrem(_in_hand(queue), -1, item)  # from the end: the oldest are acknowledged first
                pipeline.execute()

    def _brpop_start(self, timeout: float | None = None) -> None:
        queues = self._queue_cycle.consume(1)
        if not queues:
            return
        self._polled = queues[0]
        self._renew(self._polled)
        self._in_poll = self.client.connection
        self._brpop_sent_at = monotonic()
        self.client.connection.send_command(
            "BLMOVE", self._polled, _in_hand(self._polled), "RIGHT", "LEFT", timeout or self.brpop_timeout or 0
        )

    def _brpop_read(self, **options: Any) -> bool:
        queue = self._polled
        try:
            try:
                item = self.client.parse_response(self.client.connection, "BLMOVE", **options)
            except self.connection_errors:
                self.client.connection.disconnect()
                raise
        finally:
            self._in_poll = None
            self._flush_brpop_reauth()
        if not item:
            raise redis.Empty
        self._queue_cycle.rotate(queue)
        self.connection._deliver(self._take(queue, item), queue)  # noqa: SLF001 - as kombu's own channel does
        return True

    def _get(self, queue: str) -> Any:
        with self.conn_or_acquire() as client:
            item = client.lmove(queue, _in_hand(queue), "RIGHT", "LEFT")
            self._maybe_update_queues_expire(client, queue)
        if not item:
            raise redis.Empty
        return self._take(queue, item)

    def _new_queue(self, queue: str, auto_delete: bool = False, **options: Any) -> None:
        super()._new_queue(queue, auto_delete=auto_delete, **options)
        self._renew_at.pop(queue, None)
        with suppress(QueueExpiredError):  # that it is new is no news
            self._renew(queue)

    def _renew(self, queue: str) -> None:
        """Put the deadline of a queue that expires off, from time to time.

        Raises:
            QueueExpiredError: It had passed, and the queue was removed.
        """
        milliseconds = self._expires.get(queue)
        if milliseconds is None or monotonic() < self._renew_at.get(queue, 0.0):
            return
        with self.conn_or_acquire() as client:
            is_new = client.eval(_RENEW, 1, EXPIRING, queue, milliseconds)
        self._renew_at[queue] = monotonic() + milliseconds / 1000 / _RENEWALS
        if is_new:
            raise QueueExpiredError(f"The queue {queue} had expired.")

    def _has_queue(self, queue: str, **options: Any) -> bool:
        """Return whether a queue is there; one that expires and is empty has nothing but its deadline."""
        with self.conn_or_acquire() as client:
            return client.zscore(EXPIRING, queue) is not None or bool(super()._has_queue(queue, **options))

    def _purge(self, queue: str) -> int:
        with self.conn_or_acquire() as client:
            dropped = int(client.llen(_in_hand(queue)))
            client.delete(_in_hand(queue))
        return dropped + int(super()._purge(queue))

    def _take(self, queue: str, item: bytes) -> Any:
        message = loads(bytes_to_str(item))
        self._in_hand[message["properties"]["delivery_tag"]] = queue, item
        return message

    def _restore(self, message: Any, leftmost: bool = False) -> None:
        del leftmost  # always to where it came from, as the next one
        queue, item = self._in_hand.pop(message.delivery_tag, ("", b""))
        if queue:
            with self.conn_or_acquire() as client, client.pipeline() as pipeline:
                pipeline.lrem(_in_hand(queue), -1, item).rpush(queue, item).execute()


class Transport(redis.Transport):  # type: ignore[misc]  # kombu ships no types
    """The transport of `redis://` and `redis+socket://` once `hcommon.bus` was imported."""

    Channel = Channel


def _in_hand(queue: str) -> str:
    return queue + _IN_HAND
