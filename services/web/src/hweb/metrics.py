"""Metrics of the web service."""

from hcommon.metrics import Metric

REQUEST = Metric(
    name="web.request.{route}.{status}",
    kind="timer",
    unit="milliseconds",
    help="Time and count of requests by route and status, from the first byte read to the last one written.",
    act="5 % of the requests take longer than 1 s for 10 minutes: compare `web.threads.waiting` (too few processes: "
    "scale web), `SELECT * FROM pg_stat_activity` (a slow database) and the load of the machine. More than 5 % answer "
    "503 for 5 minutes: `/readyz` names what is away.",
)
UNHANDLED = Metric(
    name="web.unhandled",
    kind="counter",
    unit="requests",
    help="Requests that failed on a bug (status 500).",
    act="Any: search the log for `unhandled_error`; it holds the traceback and the request id that the person "
    "was shown.",
)
UNAVAILABLE = Metric(
    name="web.unavailable.{what}",
    kind="counter",
    unit="requests",
    help="Requests answered 503 because something was away: `database` (PostgreSQL, or no connection to spare within "
    "5 s), `database_busy` (a lock or the statement timeout), `search`, `limits` or `sessions` (Redis), "
    "`provider` (the identity provider), and others.",
    act="More than 5 in 5 minutes: `/readyz` says which server is away. For `database` with PostgreSQL well: more "
    "processes want connections than it has; compare `max_connections` with `DATABASE_POOL_SIZE` times the processes.",
)
RATE_LIMITED = Metric(
    name="web.rate_limited.{limit}",
    kind="counter",
    unit="requests",
    help="Requests answered 429, by limit: `api-annotations`, `api-writes`, `api-searches`, `api-tokens` and "
    "`api-applications` of the API, and those of signing in, signing up and resetting a password.",
    act="More than 100 in 5 minutes: an import or a script that does not wait for `Retry-After`, or somebody guessing "
    "passwords; the log's lines with status 429 have the path. The limits did their work: nothing else suffers.",
)
THREADS_BUSY = Metric(
    name="web.threads.busy",
    kind="gauge",
    unit="threads",
    help="Most threads, each with its database connection, that were at work at once in the last 10 seconds of one "
    "process; there are `DATABASE_POOL_SIZE` less one.",
)
THREADS_WAITING = Metric(
    name="web.threads.waiting",
    kind="gauge",
    unit="requests",
    help="Most requests that waited for a thread at once in the last 10 seconds of one process.",
    act="Above 20 for 5 minutes: this process has more to do than it can; scale web, or find what holds the threads "
    "(slow statements in `pg_stat_activity`).",
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
    help="Page reads and badges asked for again: `hit` was answered from memory, `miss` had changed or was dropped.",
    act="Less than 20 % hits for an hour while few annotations are written: raise `PAGE_CACHE_MB`; the memory of "
    "each process grows by that much.",
)
REINDEX_DURATION = Metric(
    name="web.reindex.duration",
    kind="timer",
    unit="milliseconds",
    help="How long one `h search reindex` took, to its end.",
)
REINDEX_DOCUMENTS = Metric(
    name="web.reindex.documents",
    kind="counter",
    unit="documents",
    help="Search documents that `h search reindex` wrote.",
)

CATALOG: tuple[Metric, ...] = (
    REQUEST,
    UNHANDLED,
    UNAVAILABLE,
    RATE_LIMITED,
    THREADS_BUSY,
    THREADS_WAITING,
    CLIENT_EVENT,
    PAGE_CACHE,
    REINDEX_DURATION,
    REINDEX_DOCUMENTS,
)
