"""The indexer's metrics; `docs/metrics.md` is written from them."""

from hcommon.metrics import Metric

LAG = Metric(
    "indexer.lag",
    "timer",
    "milliseconds",
    "From a change to its search document, the oldest change of each batch.",
    act="One in twenty batches above 1 s for 10 minutes: see where changes wait. `worker.outbox.age_seconds`: "
    "the relay; "
    "`worker.queue.indexer.waiting`: run another indexer; `indexer.batch`: the index or PostgreSQL is slow.",
)
BATCH = Metric("indexer.batch", "timer", "milliseconds", "Reading and writing one batch.")
BATCHES_FULL = Metric(
    "indexer.batches.full",
    "counter",
    "batches",
    "Batches of `INDEXER_BATCH_SIZE` events, the most there may be: more was waiting. Single ones are bursts.",
)
WRITTEN = Metric(
    "indexer.documents.written",
    "counter",
    "documents",
    "Search documents sent to the index. Divided by the count of `indexer.batch`: the size of batches.",
)
REMOVED = Metric("indexer.documents.removed", "counter", "documents", "Deleted annotations taken out of the index.")
RETRIED = Metric(
    "indexer.event.{type}.retried",
    "counter",
    "events",
    "Events put back after a passing fault. An index that is away does not count: the batch at hand waits for it.",
)
BURIED = Metric(
    "indexer.event.{type}.buried",
    "counter",
    "events",
    "Events that became dead letters.",
    act="Any: `h queues list` shows the error. Mend the cause, then `h queues replay --all`; until then "
    "`h search repair` brings the index up to date without them.",
)
UNKNOWN = Metric(
    "indexer.event.unknown",
    "counter",
    "messages",
    "Messages of a newer release or undecodable ones, acknowledged.",
    act="Any, except during an upgrade: the indexer is older than what records the events; upgrade it, then "
    "`h search repair`.",
)

CATALOG: tuple[Metric, ...] = (LAG, BATCH, BATCHES_FULL, WRITTEN, REMOVED, RETRIED, BURIED, UNKNOWN)
