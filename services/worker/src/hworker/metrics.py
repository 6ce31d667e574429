"""The worker's metrics; `docs/metrics.md` is written from them."""

from hcommon.metrics import Metric

RELAY_PUBLISHED = Metric("worker.relay.published", "counter", "events", "Events that the broker confirmed.")
RELAY_UNROUTABLE = Metric(
    "worker.relay.unroutable",
    "counter",
    "events",
    "Events that no queue took; they wait and are tried again every 10 s.",
    act="Any: the broker lost its queues and the relay declares them only when it connects. Restart the relay, then "
    "`h queues publish-again --hours N` for the time since the loss.",
)
RELAY_BATCH = Metric(
    "worker.relay.batch",
    "timer",
    "milliseconds",
    "Reading, publishing and marking one batch of up to `RELAY_BATCH_SIZE` events.",
)
OUTBOX_AGE = Metric(
    "worker.outbox.age_seconds",
    "gauge",
    "seconds",
    "Age of the oldest event that is due: how far live updates, search and mails are behind. 0 is usual.",
    act="Above 5 for 2 minutes, or no report for 5 minutes: the relay is not running, or waits for the broker. Its log "
    "says `server_unavailable` and which; see to that server, and the relay goes on by itself. Nothing is lost "
    "meanwhile.",
)
OUTBOX_WAITING = Metric(
    "worker.outbox.waiting",
    "gauge",
    "events",
    "Events not yet published, those that are due later (mails that wait for their server) too. Reported every minute "
    "by a task, so that its silence says that tasks don't run.",
    act="No report for 5 minutes: `h-worker beat`, `h-worker run` or the broker is down, and neither mail nor "
    "tidying up "
    "happens. Above 10 000 with `worker.outbox.age_seconds` low: the mail server is away; see "
    "`worker.mail.{kind}.deferred`.",
)
QUEUE_WAITING = Metric(
    "worker.queue.{queue}.waiting",
    "gauge",
    "messages",
    "Messages in the broker's queues: `worker` (events), `indexer` (events), `celery` (tasks). 0 to a few is usual.",
    act="Above 1 000 for 10 minutes: its consumer (`h-worker consume`, `h-indexer`, `h-worker run`) is not running, "
    "waits for a server (its log says `server_unavailable`), or is too slow: run more of it.",
)
DEAD_LETTERS = Metric(
    "worker.dead_letters",
    "gauge",
    "events",
    "Events that were given up on: after a bug, or after more than a day of tries.",
    act="Above 0: `h queues list` shows them with their errors; mend the cause, then `h queues replay --all`.",
)
EVENT_HANDLED = Metric("worker.event.{type}.handled", "timer", "milliseconds", "Deciding what follows from an event.")
EVENT_LAG = Metric(
    "worker.event_lag",
    "timer",
    "milliseconds",
    "From a change to the moment the worker decided what follows from it, first tries only.",
    act="Half of them above 30 s for 10 minutes: see `worker.outbox.age_seconds` (relay) and "
    "`worker.queue.worker.waiting` "
    "(consumer) for where they wait.",
)
EVENT_RETRIED = Metric(
    "worker.event.{type}.retried",
    "counter",
    "events",
    "Events put back after a passing fault; tried again after 1 s, then ever later up to 1 h.",
)
EVENT_BURIED = Metric(
    "worker.event.{type}.buried",
    "counter",
    "events",
    "Events that became dead letters.",
    act="Any: as for `worker.dead_letters`.",
)
EVENT_UNKNOWN = Metric(
    "worker.event.unknown",
    "counter",
    "messages",
    "Messages of a newer release or undecodable ones, acknowledged.",
    act="Any, except during an upgrade: the worker is older than what records the events; upgrade it, then "
    "`h queues publish-again --hours N`.",
)
TASK_DURATION = Metric("worker.task.{name}.duration", "timer", "milliseconds", "Running one task to its end.")
TASK_FAILED = Metric(
    "worker.task.{name}.failed",
    "counter",
    "tasks",
    "Tasks ended by a bug.",
    act="Any: search the log for `task_failed`, which has the traceback; the event is a dead letter (`h queues list`).",
)
TASK_POSTPONED = Metric(
    "worker.task.{name}.postponed",
    "counter",
    "tasks",
    "Tasks put off by a passing fault, a mail server that is away for example.",
)
MAIL_SENT = Metric("worker.mail.{kind}.sent", "counter", "messages", "Mails that the mail server took.")
MAIL_DURATION = Metric(
    "worker.mail.duration", "timer", "milliseconds", "Connecting to the mail server and handing one mail over."
)
MAIL_DEFERRED = Metric(
    "worker.mail.{kind}.deferred",
    "counter",
    "messages",
    "Tries that ended with a mail server that was away, busy or not as configured; the mail waits in the outbox.",
    act="More than 10 in 15 minutes: the log's `event_postponed` says what the server answers; look at `MAIL_HOST` and "
    "the server, then `h mail test you@example.org`. There is more than a day for that; after it they are dead "
    "letters.",
)
MAIL_REFUSED = Metric(
    "worker.mail.{kind}.refused",
    "counter",
    "messages",
    "Mails that the server refused for good, or whose address is none; they are not tried again.",
    act="More than 20 in an hour: one refused address is somebody's mistake, many are the server's opinion of the "
    "sender; the log's `mail_refused` has its codes. Look at `MAIL_DEFAULT_SENDER`, SPF and DKIM.",
)
ROWS_PURGED = Metric("worker.purge.{table}.rows", "counter", "rows", "Rows that the schedule removed.")
ANNOTATIONS_DELETED = Metric(
    "worker.annotations.deleted",
    "gauge",
    "annotations",
    "Deleted annotations that wait to be purged, which happens 70 minutes after the deletion.",
)
SEARCH_LAG = Metric(
    "worker.search.lag_seconds",
    "gauge",
    "seconds",
    "Age of the oldest of the latest 500 annotations that search does not find yet. 0 is usual.",
    act="Above 5 for 5 minutes: the indexer is not running or the index is away; its log says "
    "`server_unavailable`, and "
    "it catches up by itself. If both are well: `h search check`.",
)
SEARCH_MISMATCHES = Metric(
    "worker.search.mismatches",
    "gauge",
    "annotations",
    "Annotations that the last look at a part of the index (every 10 minutes) found missing, stale or superfluous "
    "there; they were repaired.",
    act="Above 0 in two looks within an hour: something writes to the index past h, or the index loses writes. Look at "
    "the log's `search_index_wrong`, then `h search reindex`.",
)
SEARCH_COMPARED = Metric(
    "worker.search.compared",
    "counter",
    "annotations",
    "Annotations whose place in the index was looked at.",
)
PERIODIC_AGE = Metric(
    "worker.periodic.{name}.age_seconds",
    "gauge",
    "seconds",
    "Since the last good run of a periodic task; they run every minute to every 6 hours.",
    act="Above three of its intervals (30 minutes for `report_queues`, `report_search_lag` and what runs every 10 "
    "minutes, 19 hours for all): `/readyz` says which failed and why; look at the log of `h-worker beat` and "
    "`h-worker run`.",
)
PERIODIC_FAILING = Metric(
    "worker.periodic.{name}.failing",
    "gauge",
    "boolean",
    "1 after a run of a periodic task that failed, 0 after others; reported every minute.",
    act="1 for 30 minutes: `/readyz` says why, and the log has `task_failed` or `task_postponed` with its name.",
)

CATALOG: tuple[Metric, ...] = (
    RELAY_PUBLISHED,
    RELAY_UNROUTABLE,
    RELAY_BATCH,
    OUTBOX_AGE,
    OUTBOX_WAITING,
    QUEUE_WAITING,
    DEAD_LETTERS,
    EVENT_HANDLED,
    EVENT_LAG,
    EVENT_RETRIED,
    EVENT_BURIED,
    EVENT_UNKNOWN,
    TASK_DURATION,
    TASK_FAILED,
    TASK_POSTPONED,
    MAIL_SENT,
    MAIL_DURATION,
    MAIL_DEFERRED,
    MAIL_REFUSED,
    ROWS_PURGED,
    ANNOTATIONS_DELETED,
    SEARCH_LAG,
    SEARCH_MISMATCHES,
    SEARCH_COMPARED,
    PERIODIC_AGE,
    PERIODIC_FAILING,
)
