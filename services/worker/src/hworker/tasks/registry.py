"""The table of all tasks, and what surrounds each: decoding, binding for the log, timing, and what failure leads to.

A task that carries out an event and fails with a passing fault has its event put back into the outbox; with a bug,
among the dead letters. While PostgreSQL is away the task waits for it a while and then goes back to its queue.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from celery.exceptions import Reject, SoftTimeLimitExceeded
from hcommon.bus.backoff import Outage
from hcommon.bus.consumer import Delivery
from hcommon.db.engine import DatabaseUnavailableError
from hcommon.errors import UnavailableError
from hcommon.events import catalog
from hcommon.logging import bound, get_logger

from hworker import metrics as names
from hworker.context import Context
from hworker.tasks import authorities, cleanup, lifecycle, mails, notices, reports, revisions, runs, searchindex

EVENT_TASKS: Final[Mapping[str, Callable[..., None]]] = {
    "send_reply_notice": notices.send_reply_notice,
    "send_mention_notices": notices.send_mention_notices,
    "send_flag_notices": notices.send_flag_notices,
    "send_verdict_notice": notices.send_verdict_notice,
    "tell_authority": authorities.tell_authority,
    "send_activation_mail": mails.send_activation_mail,
    "send_password_reset_mail": mails.send_password_reset_mail,
    "send_email_change_mail": mails.send_email_change_mail,
    "send_email_changed_mail": mails.send_email_changed_mail,
    "send_second_factor_notice": mails.send_second_factor_notice,
    "send_test_mail": mails.send_test_mail,
    "refresh_renamed_user": lifecycle.refresh_renamed_user,
    "empty_deleted_user": lifecycle.empty_deleted_user,
    "empty_deleted_group": lifecycle.empty_deleted_group,
    "revise_group": revisions.revise_group,
    "revise_author": revisions.revise_author,
}
"""Tasks that carry out an event; called with it."""

PERIODIC_TASKS: Final[Mapping[str, Callable[[Context], None]]] = {
    "purge_tokens": cleanup.purge_tokens,
    "purge_authz_codes": cleanup.purge_authz_codes,
    "purge_deleted_annotations": cleanup.purge_deleted_annotations,
    "purge_deleted_users": cleanup.purge_deleted_users,
    "purge_deleted_groups": cleanup.purge_deleted_groups,
    "purge_mail_receipts": cleanup.purge_mail_receipts,
    "purge_outbox": cleanup.purge_outbox,
    "purge_removed_features": cleanup.purge_removed_features,
    "report_queues": reports.report_queues,
    "report_search_lag": searchindex.report_search_lag,
    "check_search_index": searchindex.check_search_index,
}
"""Tasks of the schedule; what they do not finish they do the next time."""

PATIENCE_SECONDS: Final = 30.0
"""How long a task waits for PostgreSQL before it goes back to its queue."""

_log = get_logger(__name__)


class TaskTimeoutError(UnavailableError):
    """A task took longer than the soft limit."""


def run_event_task(
    context: Context, *, name: str, task_id: str, event_type: str, payload: str, attempts: int, **_: Any
) -> None:
    """Run a task that carries out an event; parameters that a newer release sends are ignored.

    Args:
        context: The process's collaborators.
        name: A key of `EVENT_TASKS`.
        task_id: Celery's id, for the log.
        event_type: The event's `TYPE`.
        payload: The event as JSON text.
        attempts: How often the event failed before.

    Raises:
        Reject: PostgreSQL stayed away; Celery puts the message back.
    """
    with bound(task=name, task_id=task_id):
        delivery = _decode(event_type, payload, attempts)
        if delivery is None:
            context.failures.unknown(event_type)
            return
        event = delivery.event
        with bound(event_id=str(event.id), request_id=event.request_id or ""):
            _patiently(context, lambda: _run(context, name, lambda: EVENT_TASKS[name](context, event=event), delivery))


def run_periodic_task(context: Context, *, name: str, task_id: str, **_: Any) -> None:
    """Run a task of the schedule, unless it began a moment ago.

    A failure is logged and kept for people to see, and the next time is the retry.
    """
    with bound(task=name, task_id=task_id), runs.recorded(context, name) as run:
        try:
            if runs.begin(context, name):
                _timed(context, name, lambda: PERIODIC_TASKS[name](context))
            else:
                run.left_out = True
        except (UnavailableError, SoftTimeLimitExceeded) as error:
            _log.warning("task_postponed", reason=str(error))
            context.metrics.count(names.TASK_POSTPONED, name=name)
            run.error = error
        except Exception as error:  # noqa: BLE001 - a bug is logged and counted; there is nobody else to tell
            _log.exception("task_failed")
            context.metrics.count(names.TASK_FAILED, name=name)
            run.error = error


def _decode(event_type: str, payload: str, attempts: int) -> Delivery | None:
    try:
        event = catalog.decode(event_type, orjson.loads(payload))
    except ValueError:
        _log.exception("event_undecodable", type=event_type)
        return None
    return Delivery(event, attempts, payload) if event else None


def _run(context: Context, name: str, action: Callable[[], None], delivery: Delivery) -> None:
    try:
        _timed(context, name, action)
    except DatabaseUnavailableError:
        raise
    except SoftTimeLimitExceeded:
        context.failures.retry(delivery, TaskTimeoutError("The task took too long."))
        context.metrics.count(names.TASK_POSTPONED, name=name)
    except UnavailableError as error:
        context.failures.retry(delivery, error)
        context.metrics.count(names.TASK_POSTPONED, name=name)
    except Exception as error:  # noqa: BLE001 - whatever a task raises is a dead letter
        _log.exception("task_failed")
        context.failures.bury(delivery, error)
        context.metrics.count(names.TASK_FAILED, name=name)


def _timed(context: Context, name: str, action: Callable[[], None]) -> None:
    started = time.perf_counter()
    action()
    context.metrics.timing(names.TASK_DURATION, (time.perf_counter() - started) * 1000, name=name)


def _patiently(context: Context, action: Callable[[], None]) -> None:
    """Repeat an idempotent action until PostgreSQL is there.

    Raises:
        Reject: It stayed away, or the process is to end; Celery puts the message back.
    """
    outage = Outage(server="database", role="task")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            action()
        except DatabaseUnavailableError as error:
            if time.monotonic() > deadline or context.stop.wait(outage.failed(error)):
                raise Reject(error.reason, requeue=True) from error
        else:
            outage.over()
            return
