"""Metrics of the web service."""

from hcommon.metrics import Metric

REQUEST = Metric(
    name="web.request.{route}.{status}",
    kind="timer",
    unit="milliseconds",
    help="Time and count of requests by route and status. Watch the 95th percentile of `search` and any 500.",
)
UNHANDLED = Metric(
    name="web.unhandled",
    kind="counter",
    unit="requests",
    help="Requests that failed on a bug (status 500). Every one has a traceback in the log.",
)
CLIENT_EVENT = Metric(
    name="web.client.{event}",
    kind="counter",
    unit="events",
    help="Events that the client in people's browsers reports, `client.realtime.apply_updates` for example.",
)
PAGE_CACHE = Metric(
    name="web.page_cache.{outcome}",
    kind="counter",
    unit="requests",
    help="Page reads and badges asked for again: `hit` was answered from memory, `miss` had changed or was dropped. "
    "Many misses on a quiet site: raise `PAGE_CACHE_MB`.",
)

CATALOG: tuple[Metric, ...] = (REQUEST, UNHANDLED, CLIENT_EVENT, PAGE_CACHE)
