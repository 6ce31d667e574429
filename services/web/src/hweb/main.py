"""The command `h-web`: serves the site and the API."""

import signal
import sys

import uvicorn
from hcommon import garbage, logging
from hcommon.settings import load
from starlette.types import ASGIApp

from hweb.app import build_resources, create_app
from hweb.protocol import BoundedProtocol
from hweb.settings import Settings

GRACEFUL_SHUTDOWN_SECONDS = 20
KEEP_ALIVE_SECONDS = 75
WORKER_HEALTHCHECK_SECONDS = 60
"""How long a serving process may be silent, its own start included, before it is replaced. The library's 5 seconds are
too few for a start on a busy machine: it would be killed and started for ever."""


def serve() -> ASGIApp:
    """Return the application of one serving process, from the environment."""
    settings = load(Settings)
    logging.configure(service="web", level=settings.log_level, log_format=settings.log_format)
    app = create_app(build_resources(settings))
    garbage.look_rarely()
    return app


def main() -> None:
    """Serve until SIGTERM or SIGINT; requests in hand are finished first."""
    settings = load(Settings)
    logging.configure(service="web", level=settings.log_level, log_format=settings.log_format)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))  # as process 1 of a container it would not end by itself
    uvicorn.run(
        "hweb.main:serve",
        factory=True,
        host=settings.listen_host,
        port=settings.port,
        workers=settings.uvicorn_workers,
        loop="uvloop",
        http=BoundedProtocol,
        ws="none",
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=bool(settings.trusted_proxies),
        forwarded_allow_ips=list(settings.trusted_proxies),
        timeout_keep_alive=KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=GRACEFUL_SHUTDOWN_SECONDS,
        timeout_worker_healthcheck=WORKER_HEALTHCHECK_SECONDS,
    )
