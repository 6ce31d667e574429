"""The indexer's metrics; `docs/metrics.md` is written from them."""

from hcommon.metrics import Metric

LAG = Metric(
    "indexer.lag",
    "timer",
    "milliseconds",
    "From a change to its search document, the oldest change of each batch; act when it stays above 1000.",
)
BATCH = Metric("indexer.batch", "timer", "milliseconds", "Reading and writing one batch.")
WRITTEN = Metric("indexer.documents.written", "counter", "documents", "Search documents sent to the index.")
REMOVED = Metric("indexer.documents.removed", "counter", "documents", "Deleted annotations taken out of the index.")
RETRIED = Metric("indexer.event.{type}.retried", "counter", "events", "Events put back after a passing fault.")
BURIED = Metric(
    "indexer.event.{type}.buried", "counter", "events", "Events that became dead letters; look with `h queues`."
)
UNKNOWN = Metric(
    "indexer.event.unknown", "counter", "messages", "Messages of a newer release or undecodable ones, acknowledged."
)

CATALOG: tuple[Metric, ...] = (LAG, BATCH, WRITTEN, REMOVED, RETRIED, BURIED, UNKNOWN)
