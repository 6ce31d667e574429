"""Consumes one queue: decode, hand over in batches, acknowledge after success, retry through the outbox, or bury.

- A type or field that this release does not know is acknowledged and counted.
- While PostgreSQL is away nothing is consumed: the batch at hand waits and is tried again. So it is with whatever else
  a service can do nothing without (`outages`).
- Another passing fault (`UnavailableError`) goes to `Failures.retry`, a bug to `Failures.bury`; both acknowledge.
- A broker that is away or restarts is waited for, without end.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from kombu import Connection, Queue
from kombu import Consumer as KombuConsumer
from kombu.exceptions import OperationalError
from kombu.message import Message

from hcommon.bus import topology
from hcommon.bus.backoff import Outage
from hcommon.db.engine import DatabaseUnavailableError
from hcommon.errors import UnavailableError
from hcommon.events import catalog
from hcommon.events.base import Event
from hcommon.logging import bound, get_logger

_IDLE_SECONDS = 0.5
_HEARTBEAT_SECONDS = 30
_CONNECT_TIMEOUT_SECONDS = 5

_log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event and how often this consumer failed on it before.

    Attributes:
        raw: The event as it arrived, JSON text; it may have fields that this release does not know.
    """

    event: Event
    attempts: int
    raw: str | None = None

    def payload(self) -> str:
        """Return the event as JSON text, with everything that its producer put in."""
        return self.raw if self.raw is not None else self.event.model_dump_json()


class Failures(Protocol):
    """What becomes of an event that could not be handled."""

    def retry(self, delivery: Delivery, error: UnavailableError) -> None:
        """Keep it for later; a passing fault."""
        ...

    def bury(self, delivery: Delivery, error: Exception) -> None:
        """Put it among the dead letters; a bug."""
        ...

    def unknown(self, event_type: str) -> None:
        """Count a message that this release does not understand."""
        ...


class EventConsumer:
    """Feeds one queue's events to a handler, in order, from the thread that calls `run`."""

    def __init__(
        self,
        *,
        broker_url: str,
        queue: Queue,
        failures: Failures,
        handle: Callable[[Sequence[Event]], None] | None = None,
        handle_delivery: Callable[[Delivery], None] | None = None,
        max_batch: int = 1,
        max_wait_seconds: float = 0.05,
        on_connected: Callable[[], None] | None = None,
        on_missed: Callable[[], None] | None = None,
        outages: Mapping[type[UnavailableError], str] | None = None,
    ) -> None:
        """Prepare; nothing connects before `run`.

        Args:
            broker_url: `amqp://…`, or a Redis URL of kombu's.
            queue: From `topology`.
            failures: What becomes of an event on which the handler fails alone.
            handle: Called with 1 to `max_batch` events. When it fails on several, it is called again with each alone.
            handle_delivery: Instead of `handle`: called with one event and its count of failures.
            max_batch: Most events that are acknowledged together, and that `handle` is called with.
            max_wait_seconds: How long the first event of a batch waits for others.
            on_connected: Called in the consumer's thread whenever the queue is consumed (again), before any event.
            on_missed: Called before `on_connected` when the queue was not there (any more): what was published until
                now reached nobody.
            outages: Failures, besides PostgreSQL's, that no event is to blame for and all of them wait for, with the
                server's name for the log.
        """
        if (handle is None) == (handle_delivery is None):
            raise TypeError("EventConsumer takes either handle or handle_delivery.")
        self._broker_url = broker_url
        self._queue = queue
        self._failures = failures
        self._handle = handle
        self._handle_delivery = handle_delivery
        self._max_batch = max_batch
        self._max_wait_seconds = max_wait_seconds
        self._on_connected = on_connected
        self._on_missed = on_missed
        self._outages: dict[type[UnavailableError], str] = {DatabaseUnavailableError: "database", **(outages or {})}
        # Also imports the transport, here and not in several threads at once.
        template = Connection(broker_url)
        self._errors = (OperationalError, OSError, *template.connection_errors, *template.channel_errors)
        self._waiting: list[Message] = []
        self.connected = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Consume until `stop` is set; what is in hand is finished first, the rest goes back to the queue."""
        outage = Outage(server="broker", queue=self._queue.name)
        while not stop.is_set():
            try:
                self._consume(stop, outage)
            except self._errors as error:
                stop.wait(outage.failed(error))
            finally:
                self.connected.clear()
                self._waiting.clear()

    def _consume(self, stop: threading.Event, outage: Outage) -> None:
        with Connection(
            self._broker_url,
            transport_options=topology.transport_options(self._broker_url),
            heartbeat=_HEARTBEAT_SECONDS,
            connect_timeout=_CONNECT_TIMEOUT_SECONDS,
        ) as connection:
            channel = connection.channel()
            channel.basic_qos(0, max(2 * self._max_batch, 10), False)  # noqa: FBT003 - kombu's positional signature
            queue = self._queue(channel)
            say_missed = self._on_missed if self._on_missed and self._is_missing(connection) else None
            queue.declare()
            with KombuConsumer(channel, queues=[queue], on_message=self._waiting.append, auto_declare=False):
                outage.over()
                if say_missed is not None:
                    say_missed()
                if self._on_connected is not None:
                    self._on_connected()
                self.connected.set()
                while not stop.is_set():
                    batch = self._collect(connection)
                    if batch:
                        self._process(batch, connection, stop)

    def _is_missing(self, connection: Connection) -> bool:
        """Return whether the broker has no such queue."""
        probe = connection.channel()
        try:
            self._queue(probe).queue_declare(passive=True)
        except connection.channel_errors:  # the answer closes the channel
            return True
        probe.close()
        return False

    def _collect(self, connection: Connection) -> list[Message]:
        """Return the next batch, empty when nothing arrived for a while."""
        deadline = time.monotonic() + _IDLE_SECONDS
        started = False
        connection.heartbeat_check()
        while len(self._waiting) < self._max_batch:
            if self._waiting and not started:
                started, deadline = True, time.monotonic() + self._max_wait_seconds
            remaining = deadline - time.monotonic()
            if remaining <= 0:
                break
            try:
                connection.drain_events(timeout=remaining)
            except TimeoutError:
                break
        batch = self._waiting[: self._max_batch]
        del self._waiting[: self._max_batch]
        return batch

    def _process(self, batch: list[Message], connection: Connection, stop: threading.Event) -> None:
        """Hand over and acknowledge; what is left when told to stop goes, unacknowledged, to the next consumer."""
        patience = _Patience(connection, stop, servers=self._outages, queue=self._queue.name)
        last: Message | None = None
        for messages in [batch] if self._handle else [[message] for message in batch]:
            deliveries = [delivery for delivery in map(self._decode, messages) if delivery]
            if deliveries and not self._deliver(deliveries, patience):
                break
            last = messages[-1]
            if stop.is_set():
                break
        if last is not None:
            last.ack(multiple=True)

    def _decode(self, message: Message) -> Delivery | None:
        event_type = str(message.headers.get("type", ""))
        try:
            event = catalog.decode(event_type, message.decode())
            attempts = int(message.headers.get("attempts", 0))
        except Exception:  # noqa: BLE001 - see below
            # Whatever it is, it will not be better the next time, and the queue has to go on.
            _log.exception("event_undecodable", type=event_type)
            event = None
        if event is None:
            self._failures.unknown(event_type)
            return None
        body = message.body
        return Delivery(event, attempts, body.decode() if isinstance(body, bytes) else str(body))

    def _deliver(self, deliveries: list[Delivery], patience: "_Patience") -> bool:
        """Hand over, one by one where several fail together; return False when stopped before it could be done."""
        while True:
            try:
                self._call(deliveries)
            except Exception as error:  # noqa: BLE001 - whatever a handler raises must not stop the queue
                if isinstance(error, tuple(self._outages)):
                    if not patience.wait(error):
                        return False
                    continue
                if len(deliveries) > 1:
                    return all(self._deliver([delivery], patience) for delivery in deliveries)
                return self._give_up(deliveries[0], error, patience)
            else:
                patience.over()
                return True

    def _give_up(self, delivery: Delivery, error: Exception, patience: "_Patience") -> bool:
        while True:
            try:
                if isinstance(error, UnavailableError):
                    self._failures.retry(delivery, error)
                else:
                    with bound(**_context([delivery])):
                        _log.error("event_failed", type=delivery.event.TYPE, exc_info=error)
                    self._failures.bury(delivery, error)
            except DatabaseUnavailableError as outage:
                if not patience.wait(outage):
                    return False
            else:
                return True

    def _call(self, deliveries: list[Delivery]) -> None:
        with bound(**_context(deliveries)):
            if self._handle_delivery is not None:
                self._handle_delivery(deliveries[0])
            elif self._handle is not None:
                self._handle([delivery.event for delivery in deliveries])


class _Patience:
    """Waits for a server with a batch in hand, and keeps the broker's connection alive meanwhile."""

    def __init__(
        self,
        connection: Connection,
        stop: threading.Event,
        *,
        servers: Mapping[type[UnavailableError], str],
        queue: str,
    ) -> None:
        self._connection = connection
        self._stop = stop
        self._servers = servers
        self._outages = {name: Outage(server=name, queue=queue) for name in servers.values()}

    def wait(self, error: Exception) -> bool:
        """Wait a while; return False when told to stop."""
        server = next(name for kind, name in self._servers.items() if isinstance(error, kind))
        deadline = time.monotonic() + self._outages[server].failed(error)
        while not self._stop.is_set() and (remaining := deadline - time.monotonic()) > 0:
            if self._connection.supports_heartbeats:
                self._answer_heartbeats(min(remaining, _IDLE_SECONDS))
            else:
                self._stop.wait(remaining)
        return not self._stop.is_set()

    def over(self) -> None:
        """Take note that everything answers."""
        for outage in self._outages.values():
            outage.over()

    def _answer_heartbeats(self, seconds: float) -> None:
        # What arrives meanwhile, no more than the prefetch allows, waits for its turn.
        with suppress(TimeoutError):
            self._connection.drain_events(timeout=seconds)
        self._connection.heartbeat_check()


def _context(deliveries: list[Delivery]) -> dict[str, str]:
    if len(deliveries) != 1:
        return {}
    event = deliveries[0].event
    return {"event_id": str(event.id), "request_id": event.request_id or ""}
