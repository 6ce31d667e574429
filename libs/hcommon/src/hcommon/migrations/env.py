"""Alembic's entry point: runs on the connection that the caller put into the configuration."""

from typing import Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext

import hcommon.models  # noqa: F401 - declares the tables for autogenerate
from hcommon.db.base import Base
from hcommon.db.types import RawJSON

# A migration that cannot get its lock at once gives up instead of stopping all traffic behind it.
LOCK_TIMEOUT = "5s"


def render_item(kind: str, item: object, _: AutogenContext) -> str | Literal[False]:
    """Write our own column types as what they are in the database: a migration imports nothing of ours."""
    return "sa.JSON()" if kind == "type" and isinstance(item, RawJSON) else False


connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=Base.metadata, transaction_per_migration=True, render_item=render_item
)
# With a connection that is in no transaction yet, each migration gets one of its own, and may leave it for a while to
# build an index concurrently.
with context.begin_transaction():
    connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    context.run_migrations()
    connection.exec_driver_sql("SET lock_timeout = 0")
