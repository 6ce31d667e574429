"""The worker's metrics; `docs/metrics.md` is written from them."""

from hcommon.metrics import Metric

RELAY_PUBLISHED = Metric("worker.relay.published", "counter", "events", "Events that the broker confirmed.")
RELAY_UNROUTABLE = Metric(
    "worker.relay.unroutable",
    "counter",
    "events",
    "Events that no queue took and that wait; a fault.",
)
RELAY_BATCH = Metric("worker.relay.batch", "timer", "milliseconds", "Reading, publishing and marking one batch.")
OUTBOX_AGE = Metric(
    "worker.outbox.age_seconds",
    "gauge",
    "seconds",
    "Age of the oldest event that is due; act above 5.",
)
EVENT_HANDLED = Metric("worker.event.{type}.handled", "timer", "milliseconds", "Deciding what follows from an event.")
EVENT_RETRIED = Metric("worker.event.{type}.retried", "counter", "events", "Events put back after a passing fault.")
EVENT_BURIED = Metric(
    "worker.event.{type}.buried", "counter", "events", "Events that became dead letters; look with `h queues`."
)
EVENT_UNKNOWN = Metric(
    "worker.event.unknown", "counter", "messages", "Messages of a newer release or undecodable ones, acknowledged."
)
TASK_DURATION = Metric("worker.task.{name}.duration", "timer", "milliseconds", "Running one task to its end.")
TASK_FAILED = Metric("worker.task.{name}.failed", "counter", "tasks", "Tasks ended by a bug.")
TASK_POSTPONED = Metric("worker.task.{name}.postponed", "counter", "tasks", "Tasks put off by a passing fault.")
MAIL_SENT = Metric("worker.mail.{kind}.sent", "counter", "messages", "Mails that the mail server took.")
MAIL_REFUSED = Metric(
    "worker.mail.{kind}.refused", "counter", "messages", "Mails that were refused for good and are not tried again."
)
ROWS_PURGED = Metric("worker.purge.{table}.rows", "counter", "rows", "Rows that the schedule removed.")
OUTBOX_WAITING = Metric(
    "worker.outbox.waiting", "gauge", "events", "Events not yet published, those that are due later too."
)
DEAD_LETTERS = Metric("worker.dead_letters", "gauge", "events", "Events that were given up on; look with `h queues`.")
ANNOTATIONS_DELETED = Metric(
    "worker.annotations.deleted", "gauge", "annotations", "Deleted annotations that wait to be purged."
)
SEARCH_LAG = Metric(
    "worker.search.lag_seconds",
    "gauge",
    "seconds",
    "Age of the oldest of the latest 500 annotations that search does not find yet; act when it stays above 5.",
)
SEARCH_MISMATCHES = Metric(
    "worker.search.mismatches",
    "gauge",
    "annotations",
    "Of which the last look at the index found it wrong; they were repaired, and above 0 twice is a fault.",
)
SEARCH_COMPARED = Metric(
    "worker.search.compared", "counter", "annotations", "Annotations whose place in the index was looked at."
)
PERIODIC_AGE = Metric(
    "worker.periodic.{name}.age_seconds", "gauge", "seconds", "Since the last good run of a periodic task."
)
PERIODIC_FAILING = Metric(
    "worker.periodic.{name}.failing",
    "gauge",
    "boolean",
    "1 after a run of a periodic task that failed, 0 after others.",
)

CATALOG: tuple[Metric, ...] = (
    RELAY_PUBLISHED,
    RELAY_UNROUTABLE,
    RELAY_BATCH,
    OUTBOX_AGE,
    EVENT_HANDLED,
    EVENT_RETRIED,
    EVENT_BURIED,
    EVENT_UNKNOWN,
    TASK_DURATION,
    TASK_FAILED,
    TASK_POSTPONED,
    MAIL_SENT,
    MAIL_REFUSED,
    ROWS_PURGED,
    OUTBOX_WAITING,
    DEAD_LETTERS,
    ANNOTATIONS_DELETED,
    SEARCH_LAG,
    SEARCH_MISMATCHES,
    SEARCH_COMPARED,
    PERIODIC_AGE,
    PERIODIC_FAILING,
)
