"""`h-websocket`: builds everything once and runs until a signal says otherwise."""

import asyncio
import gc
import logging
import os
import resource
import signal
import sys

from hcommon import settings as hsettings
from hcommon.clock import SystemClock
from hcommon.db.engine import Database
from hcommon.db.schema import wait_until_ready
from hcommon.logging import configure, get_logger
from hcommon.metrics import Metrics

from hwebsocket.app import Service
from hwebsocket.frames import check_tornado
from hwebsocket.settings import Settings

_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_NEW_OBJECTS_A_COLLECTION = 20_000
# Connections to PostgreSQL and the broker, listeners, and handshakes that are about to be refused.
_OTHER_FILES = 256

_log = get_logger(__name__)


def main() -> None:
    """Run the service; the first SIGTERM or SIGINT drains it, the second ends it at once."""
    check_tornado()
    settings = hsettings.load(Settings)
    configure(service="websocket", level=settings.log_level, log_format=settings.log_format)
    logging.getLogger("tornado").setLevel(logging.ERROR)  # below that it quotes requests, and so access tokens
    for number in _SIGNALS:
        signal.signal(number, lambda *_: sys.exit(0))  # as process 1 of a container it would not end by itself
    settings = _within_file_limit(settings)
    database = Database(
        settings.database_url.get_secret_value(),
        pool_size=settings.database_pool_size,
        application_name="h-websocket",
    )
    wait_until_ready(database)
    asyncio.run(_serve(settings, database))


async def _serve(settings: Settings, database: Database) -> None:
    metrics = Metrics(host=settings.statsd_host, port=settings.statsd_port, prefix=settings.statsd_prefix)
    service = Service(settings, database=database, clock=SystemClock(), metrics=metrics)
    told_to_stop = asyncio.Event()
    for number in _SIGNALS:
        # On the second one there is nothing left to be done in order.
        asyncio.get_running_loop().add_signal_handler(
            number, lambda: os._exit(1) if told_to_stop.is_set() else told_to_stop.set()
        )
    await service.start()
    _look_for_garbage_rarely()
    await told_to_stop.wait()
    await service.stop()
    database.close()


def _within_file_limit(settings: Settings) -> Settings:
    """Allow as many open files as the system lets us, as each socket is one, and no more sockets than that."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most = max(1, hard - _OTHER_FILES)
    if hard == resource.RLIM_INFINITY or settings.websocket_max_connections <= most:
        return settings
    _log.warning("file_limit_is_low", files=hard, sockets=most, asked=settings.websocket_max_connections)
    return settings.model_copy(update={"websocket_max_connections": most})


def _look_for_garbage_rarely() -> None:
    """Leave alone what is there for good, and make each look worth while.

    Every open socket is some hundred objects that live long: with Python's own threshold of 700, a fifth of a
    handshake's time went into looking through them.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_NEW_OBJECTS_A_COLLECTION)
