"""The indexer's parts put together: a consumer whose batches end in the index."""

import threading

from hcommon.bus import topology
from hcommon.bus.consumer import EventConsumer
from hcommon.bus.failures import OutboxFailures
from hcommon.clock import Clock
from hcommon.db import schema
from hcommon.db.engine import Database
from hcommon.events.base import Consumer
from hcommon.health import Check
from hcommon.metrics import Metrics
from hcommon.search.choice import search_writer
from hcommon.search.writer import IndexUnavailableError

from hindexer import metrics as names
from hindexer.handlers import BatchHandler
from hindexer.heartbeat import Heartbeat, check_heartbeat
from hindexer.settings import Settings


class Indexer:
    """One process of the indexer."""

    def __init__(self, settings: Settings, *, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._database = Database(
            settings.database_url.get_secret_value(),
            pool_size=settings.database_pool_size,
            application_name="h-indexer",
        )
        self._metrics = Metrics(host=settings.statsd_host, port=settings.statsd_port, prefix=settings.statsd_prefix)
        self.consumer = EventConsumer(
            broker_url=settings.broker_url.get_secret_value(),
            queue=topology.service_queue(Consumer.INDEXER),
            handle=BatchHandler(
                database=self._database,
                writer=search_writer(settings, database=self._database),
                clock=clock,
                metrics=self._metrics,
                max_batch=settings.indexer_batch_size,
            ),
            failures=OutboxFailures(
                database=self._database,
                consumer=Consumer.INDEXER,
                clock=clock,
                on_unknown=lambda _: self._metrics.count(names.UNKNOWN),
                on_retry=lambda event_type: self._metrics.count(names.RETRIED, type=event_type),
                on_bury=lambda event_type: self._metrics.count(names.BURIED, type=event_type),
            ),
            max_batch=settings.indexer_batch_size,
            max_wait_seconds=settings.indexer_batch_milliseconds / 1000,
            outages={IndexUnavailableError: "search index"},
        )

    def run(self, stop: threading.Event) -> None:
        """Wait for the database, then index until `stop` is set; the batch at hand is finished first."""
        if not self._wait_for_database(stop):
            return
        heartbeat = Heartbeat(self._settings.indexer_heartbeat_file, is_alive=self.consumer.connected.is_set)
        heartbeat.start(stop)
        self.consumer.run(stop)
        self._database.close()
        self._metrics.close()

    def checks(self) -> dict[str, Check]:
        """Return what `h-indexer check` looks at."""
        return {
            "database": self._check_database,
            "heartbeat": lambda: check_heartbeat(self._settings.indexer_heartbeat_file, clock=self._clock),
        }

    def _check_database(self) -> str:
        with self._database.read() as connection:
            schema.check(connection)
            return f"schema {schema.current_revision(connection)}"

    def _wait_for_database(self, stop: threading.Event) -> bool:
        """Return True once the schema is there, False when told to stop before."""

        class Stopped(Exception):  # noqa: N818 - not an error
            pass

        def sleep(seconds: float) -> None:
            if stop.wait(seconds):
                raise Stopped

        try:
            schema.wait_until_ready(self._database, sleep=sleep)
        except Stopped:
            return False
        return True
