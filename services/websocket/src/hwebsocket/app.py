"""Puts the service together, and starts and stops it in order."""

import asyncio
import contextlib
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from hcommon.clock import Clock
from hcommon.db.engine import Database
from hcommon.logging import get_logger
from hcommon.metrics import Metrics
from hcommon.presentation.annotation import LinkSettings
from tornado.httpserver import HTTPServer
from tornado.netutil import bind_sockets
from tornado.web import Application

from hwebsocket.addresses import Sockets
from hwebsocket.answers import NotFoundHandler, log_request
from hwebsocket.authentication import Authenticator
from hwebsocket.broadcast import Broadcast
from hwebsocket.connection import CloseReason, Limits
from hwebsocket.feed import Feed
from hwebsocket.handler import SocketHandler, SocketParts
from hwebsocket.heartbeat import Heartbeat
from hwebsocket.loading import Loader
from hwebsocket.origins import OriginPolicy
from hwebsocket.registry import Registry
from hwebsocket.sessions import Sessions
from hwebsocket.settings import Settings
from hwebsocket.status import LiveHandler, ReadyHandler, make_checks
from hwebsocket.subscriptions import Subscribers
from hwebsocket.writes import Writes

# After a restart everybody comes back within seconds; the kernel takes less where net.core.somaxconn is lower.
_BACKLOG: Final = 4096
_HEADER_TIMEOUT_SECONDS: Final = 20
_MAX_HEADER_BYTES: Final = 16 * 1024
_READ_CHUNK_BYTES: Final = 16 * 1024
# What is somewhat too long is still read, so that the client gets the close code instead of a broken connection.
_HARD_LIMIT_FACTOR: Final = 16
_CLOSES_A_SECOND: Final = 100
_FAREWELL_SECONDS: Final = 2.0
_POLL_SECONDS: Final = 0.02

_log = get_logger(__name__)


class Service:
    """One process's service: `start` it on a running event loop, `stop` it once.

    Attributes:
        port: Where it listens, once started.
    """

    def __init__(self, settings: Settings, *, database: Database, clock: Clock, metrics: Metrics) -> None:
        self._settings = settings
        self._database = database
        self.port = settings.websocket_port
        self.registry = Registry()
        # The feed reads in a thread of its own: together no more than there are connections.
        self._executor = ThreadPoolExecutor(max(1, settings.database_pool_size - 1), thread_name_prefix="read")
        self._heartbeat = Heartbeat(
            registry=self.registry, interval_seconds=settings.websocket_ping_interval_seconds, metrics=metrics
        )
        links = _links(settings)
        loader = Loader(database=database, registry=self.registry, links=links)
        writes = Writes(metrics=metrics, queue_bytes=settings.websocket_send_queue_bytes)
        self._feed = Feed(
            broker_url=settings.broker_url.get_secret_value(),
            instance=settings.instance,
            loader=loader,
            subscribers=Subscribers(
                broadcast=Broadcast(registry=self.registry, links=links, writes=writes),
                sessions=Sessions(registry=self.registry, loader=loader, writes=writes),
                writes=writes,
            ),
            clock=clock,
            metrics=metrics,
            on_missed=lambda: self._close_all(CloseReason.MISSED),
        )
        self._parts = SocketParts(
            registry=self.registry,
            heartbeat=self._heartbeat,
            authenticator=Authenticator(database=database, executor=self._executor, clock=clock),
            origins=OriginPolicy(app_url=settings.app_url, allowed=settings.allowed_origins),
            limits=Limits(
                message_bytes=settings.websocket_max_message_bytes,
                messages_per_second=settings.websocket_messages_per_second,
                queue_bytes=settings.websocket_send_queue_bytes,
            ),
            most_connections=settings.websocket_max_connections,
            sockets=Sockets(most=settings.websocket_max_connections_per_address),
            proxies=settings.proxy_networks(),
            metrics=metrics,
        )

    @property
    def is_consuming(self) -> bool:
        """Whether events arrive."""
        return self._feed.is_connected

    async def start(self) -> None:
        """Listen, and consume events.

        Raises:
            OSError: The port is taken.
        """
        hard_limit = self._settings.websocket_max_message_bytes * _HARD_LIMIT_FACTOR
        ready = {
            "checks": make_checks(database=self._database, feed=self._feed, registry=self.registry),
            "executor": self._executor,
        }
        application = Application(
            [
                ("/ws", SocketHandler, {"parts": self._parts}),
                ("/livez", LiveHandler),
                ("/(?:readyz|_status)", ReadyHandler, ready),
            ],
            default_handler_class=NotFoundHandler,
            log_function=log_request,
            websocket_max_message_size=hard_limit,
        )
        self._server = HTTPServer(
            application,
            idle_connection_timeout=_HEADER_TIMEOUT_SECONDS,
            max_header_size=_MAX_HEADER_BYTES,
            max_body_size=0,
            chunk_size=_READ_CHUNK_BYTES,
            max_buffer_size=2 * hard_limit,
        )
        sockets = _listen(self._settings)
        self.port = sockets[0].getsockname()[1]
        self._server.add_sockets(sockets)
        self._feed.start()
        self._beating = asyncio.create_task(self._heartbeat.run())
        if self._parts.origins.allows_any:
            _log.warning("any_origin_allowed", setting="ALLOWED_ORIGINS")
        _log.info("listening", port=self.port, instance=self._settings.instance)

    async def stop(self) -> None:
        """Take no more clients, send those that there are away to come back, and end when they are gone.

        Those that wait for their turn go on hearing of events.
        """
        self._parts.draining.set()
        self._server.stop()
        await self._send_away()
        await self._feed.stop()
        self._beating.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._beating
        await self._server.close_all_connections()
        self._executor.shutdown(wait=False, cancel_futures=True)
        _log.info("stopped")

    async def _close_all(self, reason: CloseReason) -> None:
        """Close the sockets that there are now, few enough at a time that they can all come back."""
        connections = list(self.registry)
        pause = min(1 / _CLOSES_A_SECOND, self._settings.websocket_drain_seconds / max(1, len(connections)))
        loop = asyncio.get_running_loop()
        started = loop.time()
        for number, connection in enumerate(connections):
            await asyncio.sleep(max(0.0, started + number * pause - loop.time()))
            connection.close(reason)

    async def _send_away(self) -> None:
        await self._close_all(CloseReason.SHUTDOWN)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _FAREWELL_SECONDS
        while self._parts.leaving and loop.time() < deadline:  # noqa: ASYNC110 - once in a process's life
            await asyncio.sleep(_POLL_SECONDS)


def _links(settings: Settings) -> LinkSettings:
    return LinkSettings(app_url=settings.app_url, authority=settings.authority, bouncer_url=settings.bouncer_url)


def _listen(settings: Settings) -> list[socket.socket]:
    """Bind; a free port is the same one for every address."""
    if settings.websocket_port == 0:
        return bind_sockets(0, settings.websocket_host or "127.0.0.1", family=socket.AF_INET, backlog=_BACKLOG)
    return bind_sockets(settings.websocket_port, settings.websocket_host or None, backlog=_BACKLOG)
