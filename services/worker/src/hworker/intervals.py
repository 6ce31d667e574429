"""How often each periodic task runs."""

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
