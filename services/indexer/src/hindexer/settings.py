"""The indexer's settings."""

from pathlib import Path

from hcommon.settings import BrokerSettings, DatabaseSettings, LogSettings, SearchSettings
from pydantic import Field


class Settings(DatabaseSettings, BrokerSettings, SearchSettings, LogSettings):
    """Everything that `h-indexer` reads from the environment."""

    database_pool_size: int = Field(2, ge=1, le=200)
    """Connections a process keeps to PostgreSQL; the indexer uses one at a time."""

    indexer_batch_size: int = Field(500, ge=1, le=5000)
    """Most annotations that are read and written at a time."""

    indexer_batch_milliseconds: int = Field(50, ge=0, le=10_000)
    """How long the first change of a batch waits for others; part of the time until search finds it."""

    indexer_heartbeat_file: Path = Path("/tmp/h-indexer.heartbeat")  # noqa: S108 - nothing is read from it
    """Touched every few seconds while events can arrive; `h-indexer check` looks at its age."""
