"""How often each periodic task runs, and how often it is queued."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

SCHEDULE: Final[Mapping[str, timedelta]] = {
    "purge_tokens": timedelta(hours=1),
    "purge_authz_codes": timedelta(hours=1),
    "purge_deleted_annotations": timedelta(minutes=10),
    "purge_deleted_users": timedelta(minutes=10),
    "purge_deleted_groups": timedelta(minutes=10),
    "purge_mail_receipts": timedelta(hours=1),
    "purge_outbox": timedelta(hours=1),
    "purge_removed_features": timedelta(hours=6),
    "report_queues": timedelta(minutes=1),
    "report_search_lag": timedelta(minutes=1),
    "check_search_index": timedelta(minutes=10),
}
"""By the names of `tasks.registry.PERIODIC_TASKS`."""

LOOK_AGAIN: Final = timedelta(minutes=10)
"""How often a task is queued at least: of a rare one all but one a time are left out (`tasks.runs.begin`), unless the
last run was killed, which is made up for at the next of these."""


def queued_every(interval: timedelta) -> timedelta:
    """Return how often a task of this interval is queued."""
    return min(interval, LOOK_AGAIN)
