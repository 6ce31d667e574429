"""`h-websocket`: builds everything once and runs until a signal says otherwise."""

import asyncio
import logging
import os
import signal
import sys

from hcommon import garbage
from hcommon import settings as hsettings
from hcommon.clock import SystemClock
from hcommon.db.engine import Database
from hcommon.db.schema import wait_until_ready
from hcommon.logging import configure
from hcommon.metrics import Metrics

from hwebsocket.app import Service
from hwebsocket.frames import check_tornado
from hwebsocket.resources import within_file_limit
from hwebsocket.settings import Settings

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


def main() -> None:
    """Run the service; the first SIGTERM or SIGINT drains it, the second ends it at once."""
    check_tornado()
    settings = hsettings.load(Settings)
    configure(service="websocket", level=settings.log_level, log_format=settings.log_format)
    logging.getLogger("tornado").setLevel(logging.ERROR)  # below that it quotes requests, and so access tokens
    for number in _SIGNALS:
        signal.signal(number, lambda *_: sys.exit(0))  # as process 1 of a container it would not end by itself
    settings = within_file_limit(settings)
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
    garbage.look_rarely()
    await told_to_stop.wait()
    await service.stop()
    database.close()
