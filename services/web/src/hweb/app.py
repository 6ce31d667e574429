"""The application factory."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI
from hcommon.clock import SystemClock
from hcommon.db.engine import ANSWER_SECONDS, Database
from hcommon.metrics import Metrics
from hcommon.search.choice import search_backend
from redis import Redis
from starlette.types import ASGIApp

from hweb import errors, openapi, routes
from hweb.api_edge import ApiEdge
from hweb.apilimits import ApiLimits
from hweb.gate import Gate
from hweb.middleware import RequestMiddleware
from hweb.oidc.deps import provider_of
from hweb.pagecache.edge import CachedReads
from hweb.pagecache.store import PageCache
from hweb.resources import Resources
from hweb.security_headers import SecurityHeaders
from hweb.settings import Settings

REDIS_TIMEOUT_SECONDS = 2


def build_resources(settings: Settings) -> Resources:
    """Return what the process holds for all requests; nothing connects yet."""
    database = Database(
        settings.database_url.get_secret_value(),
        pool_size=settings.database_pool_size,
        application_name="h-web",
        answer_seconds=ANSWER_SECONDS,
    )
    redis: Redis = Redis.from_url(
        settings.redis_url.get_secret_value(),
        socket_timeout=REDIS_TIMEOUT_SECONDS,
        socket_connect_timeout=REDIS_TIMEOUT_SECONDS,
    )
    return Resources(
        settings=settings,
        database=database,
        redis=redis,
        search=search_backend(settings, database=database, threads=settings.database_pool_size),
        clock=SystemClock(),
        metrics=Metrics(host=settings.statsd_host, port=settings.statsd_port, prefix=settings.statsd_prefix),
        keys=settings.keys,
        links=settings.links,
    )


def create_site() -> FastAPI:
    """Return every route, the OpenAPI document and what becomes of failures; `create_app` gives them what they need."""
    site = FastAPI(
        title="h",
        summary="The Hypothesis API.",
        docs_url=None,
        redoc_url=None,
        openapi_url="/api/openapi.json",
        generate_unique_id_function=openapi.operation_id,
        lifespan=_lifespan,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # statsd has ours; asking costs every request
    )
    errors.install(site)
    routes.include(site)
    openapi.install(site)
    return site


def create_app(resources: Resources, *, site: FastAPI | None = None) -> ASGIApp:
    """Return the whole web service around these resources.

    Args:
        resources: What it holds for all requests.
        site: Routes to use again, whose earlier application has ended: preparing them costs more than many requests
            do. New ones when None.
    """
    app = site or create_site()
    app.state.resources = resources
    cache = PageCache(max_bytes=resources.settings.page_cache_mb * 1024 * 1024)
    app.state.page_cache = cache
    app.state.api_limits = ApiLimits(resources.redis, enabled=resources.settings.rate_limits)
    app.state.provider = provider_of(resources.settings)
    inner = CachedReads(Gate(app, opening=resources.opening), cache=cache, resources=resources)
    return RequestMiddleware(SecurityHeaders(ApiEdge(inner), settings=resources.settings), resources=resources)


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    held: Resources = app.state.resources
    # A thread without a connection would only wait for one; and one connection is for the cache of pages.
    threads = max(1, held.settings.database_pool_size - 1)
    anyio.to_thread.current_default_thread_limiter().total_tokens = threads
    async with held.opening.awaiting(held.database):
        yield
    held.search.close()
    held.database.close()
    held.redis.close()
    held.metrics.close()
