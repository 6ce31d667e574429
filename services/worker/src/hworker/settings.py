"""The worker's settings."""

from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import parseaddr
from typing import Final

from hcommon.crypto import KeyRing
from hcommon.presentation.links import LinkSettings
from hcommon.settings import (
    BrokerSettings,
    DatabaseSettings,
    LimitSettings,
    LogSettings,
    MailSettings,
    SearchSettings,
    SecretSettings,
    SiteSettings,
)
from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

TASK_QUEUE: Final = "h.celery"
"""Celery's queue."""


class AuthorityQueue(BaseModel):
    """A Celery queue of another application, which is told of its users' annotations."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    broker_url: SecretStr
    queue_name: str
    task_name: str


class Settings(
    DatabaseSettings,
    BrokerSettings,
    SecretSettings,
    SiteSettings,
    MailSettings,
    SearchSettings,
    LimitSettings,
    LogSettings,
):
    """Everything that `h-worker` reads from the environment."""

    celery_broker_url: SecretStr | None = None
    """Broker of the Celery tasks when it is not `BROKER_URL`; the embedded mode has a Redis database for each."""

    worker_concurrency: int = Field(4, ge=1, le=64)
    """Tasks that a worker process runs at a time."""

    worker_task_soft_limit_seconds: int = Field(120, ge=10)
    """After this long a task is asked to stop and is tried again later; only the process pool can enforce it."""

    worker_task_hard_limit_seconds: int = Field(240, ge=20)
    """After this long the process of a task is killed, and the task starts again; likewise."""

    authority_queue_config: dict[str, AuthorityQueue] = Field(default_factory=dict)
    """JSON object `{authority: {"broker_url", "queue_name", "task_name"}}`: annotations of their users that mention
    somebody are sent there as Celery tasks."""

    relay_batch_size: int = Field(500, ge=1, le=5000)
    """Most events that the relay publishes in one transaction."""

    relay_poll_milliseconds: int = Field(50, ge=5, le=10_000)
    """How often the relay looks for events when there were none."""

    @property
    def task_broker_url(self) -> str:
        """Return where Celery's queue is."""
        return (self.celery_broker_url or self.broker_url).get_secret_value()

    @property
    def keys(self) -> KeyRing:
        """Return the keys derived from the master secret."""
        previous = self.secret_key_previous.get_secret_value() if self.secret_key_previous else None
        return KeyRing(self.secret_key.get_secret_value(), previous)

    @property
    def links(self) -> LinkSettings:
        """Return where the links of annotations lead."""
        return LinkSettings(app_url=self.app_url, authority=self.authority, bouncer_url=self.bouncer_url)

    @property
    def pool_size(self) -> int:
        """Return the connections that `h-worker all` may need: tasks, two of the relay, consumer, one spare."""
        return max(self.database_pool_size, self.worker_concurrency + 4)

    @field_validator("mail_default_sender")
    @classmethod
    def _is_address(cls, value: str) -> str:
        name, address = parseaddr(value)
        try:
            parsed = Address(display_name=name, addr_spec=address)
        except (ValueError, IndexError, HeaderParseError) as error:
            raise ValueError("must be an address such as Annotations <noreply@example.org>") from error
        if not value.isprintable() or not parsed.username or not parsed.domain:
            raise ValueError("must be an address such as Annotations <noreply@example.org>")
        return value
