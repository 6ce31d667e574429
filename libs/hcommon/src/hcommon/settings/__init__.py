"""Setting groups that the services compose, and where their values come from.

Names are the deployment contract's, without a prefix. Precedence: variable, `<NAME>_FILE`, docker link, default.
The docstring below a field is its only documentation; `make docs` writes `docs/settings.md` and
`compose/.env.example` from it. A service builds its `Settings` once, in `main.py`, through `load`.
"""

import os
import re
import sys
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from hcommon.settings.source import EnvironmentSource, SettingsFileError
from hcommon.settings.source import Link as Link

EXIT_CONFIG = 78
"""Exit status for missing or wrong settings (EX_CONFIG of sysexits)."""

MIN_SECRET_KEY_BYTES = 32
_SEPARATORS = re.compile(r"[\s,]+")


class HSettings(BaseSettings):
    """Base of every settings class: frozen, documented by docstrings, read as the module says.

    An empty variable counts as unset.
    """

    model_config = SettingsConfigDict(frozen=True, use_attribute_docstrings=True, extra="ignore")

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - ours takes its place
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - there is no dotenv file
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - `_FILE` variables take its place
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read explicit arguments first, then the environment in our own order of precedence."""
        return init_settings, EnvironmentSource(settings_cls)


class LogSettings(HSettings):
    """Logging and metrics."""

    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """Lowest level that is logged."""

    log_format: Literal["json", "console"] = "json"
    """`json` for collectors, `console` for people."""

    statsd_host: Annotated[str | None, Link("STATSD", 8125, "{host}", "UDP")] = Field(None, examples=["statsd"])
    """Host of the statsd server; without it no metrics are sent."""

    statsd_port: Annotated[int, Link("STATSD", 8125, "{port}", "UDP")] = 8125
    """UDP port of the statsd server."""

    statsd_prefix: str = "h"
    """First part of every metric's name."""


class DatabaseSettings(HSettings):
    """PostgreSQL."""

    database_url: Annotated[
        SecretStr,
        Link(
            "POSTGRES",
            5432,
            "postgresql://{env[POSTGRES_USER]}:{env[POSTGRES_PASSWORD]}@{host}:{port}/{env[POSTGRES_DB]}",
            defaults=(("POSTGRES_USER", "postgres"), ("POSTGRES_PASSWORD", ""), ("POSTGRES_DB", "postgres")),
        ),
    ] = Field(examples=["postgresql://h:password@postgres/h"])
    """PostgreSQL 15 or newer, as an SQLAlchemy URL; plain `postgresql://` means psycopg2."""

    database_pool_size: int = Field(8, ge=1, le=200)
    """Connections a process keeps to PostgreSQL; requests use as many threads and no more."""

    @field_validator("database_url")
    @classmethod
    def _is_postgresql(cls, value: SecretStr) -> SecretStr:
        scheme = value.get_secret_value().partition("://")[0]
        if scheme not in ("postgresql", "postgresql+psycopg2", "postgres"):
            raise ValueError("must start with postgresql://")
        return value


class BrokerSettings(HSettings):
    """The event bus."""

    broker_url: Annotated[
        SecretStr,
        Link(
            "RABBITMQ",
            5672,
            "amqp://{env[RABBITMQ_DEFAULT_USER]}:{env[RABBITMQ_DEFAULT_PASS]}@{host}:{port}//",
            defaults=(("RABBITMQ_DEFAULT_USER", "guest"), ("RABBITMQ_DEFAULT_PASS", "guest")),
        ),
    ] = Field(examples=["amqp://h:password@rabbitmq/h"])
    """RabbitMQ 4 as `amqp://user:password@host/vhost`; the embedded mode gives a Redis URL instead."""


class RedisSettings(HSettings):
    """Sessions, rate limits and caches."""

    redis_url: Annotated[SecretStr, Link("REDIS", 6379, "redis://{host}:{port}/0")] = Field(
        examples=["redis://redis:6379/0"]
    )
    """Redis 8 or Valkey 8, with an append-only file: losing it signs everybody out."""


class SearchSettings(HSettings):
    """Search."""

    elasticsearch_url: Annotated[SecretStr | None, Link("ELASTICSEARCH", 9200, "http://{host}:{port}")] = Field(
        None, examples=["http://elasticsearch:9200"]
    )
    """Elasticsearch 9, with `user:password@` before the host if it asks for one. Without it PostgreSQL searches."""

    elasticsearch_index: str = Field("hypothesis", pattern=r"^[a-z0-9][a-z0-9_-]{0,99}$")
    """Alias of the search index; installations that share an Elasticsearch need one each."""

    elasticsearch_search_seconds: float = Field(1.8, gt=0, le=60)
    """How long a search may take; then it is answered with 503. Page reads never wait for it."""

    elasticsearch_write_seconds: float = Field(30, gt=0, le=600)
    """How long writing a batch to the index may take, before it is tried again."""


class SecretSettings(HSettings):
    """The master secret."""

    secret_key: SecretStr = Field(examples=["output of: openssl rand -base64 48"])
    """Master secret; every other key is derived from it. At least 32 bytes."""

    secret_key_previous: SecretStr | None = None
    """The key before a rotation: what it signed or encrypted is still accepted."""

    @field_validator("secret_key")
    @classmethod
    def _is_long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value().encode()) < MIN_SECRET_KEY_BYTES:
            raise ValueError(f"must have at least {MIN_SECRET_KEY_BYTES} bytes")
        return value


class SiteSettings(HSettings):
    """Where people reach this installation; whatever makes absolute links needs it."""

    app_url: str = Field("http://localhost:5000", examples=["https://annotate.example.org"])
    """Public base URL; links, cookie security and the WebSocket address derive from it."""

    authority: str = Field("", examples=["annotate.example.org"])
    """The part after `@` of user ids. Default: the host name of `APP_URL`. Do not change it later."""

    bouncer_url: str | None = Field(None, examples=["https://hyp.is"])
    """Base of in-context links (`links.incontext`); without it there are none."""

    @field_validator("app_url")
    @classmethod
    def _is_base_url(cls, value: str) -> str:
        parts = urlsplit(value)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise ValueError("must be an http or https URL without query or fragment")
        if parts.path.strip("/"):
            raise ValueError("must not have a path: the client's pages live at the root of their host")
        return value.rstrip("/")

    @model_validator(mode="before")
    @classmethod
    def _default_authority(cls, values: Any) -> Any:
        if isinstance(values, dict) and not values.get("authority"):
            url = values.get("app_url") or cls.model_fields["app_url"].default
            values["authority"] = urlsplit(str(url)).hostname or ""
        return values


def split_list(value: object) -> object:
    """Return the items of a space or comma separated setting; anything but text is returned as it is."""
    return tuple(item for item in _SEPARATORS.split(value.strip()) if item) if isinstance(value, str) else value


ListSetting = Annotated[tuple[str, ...], NoDecode]
"""Several values in one variable, separated by spaces or commas; its field needs `split_list` before validation."""


class ProxySettings(HSettings):
    """Reverse proxies in front of a service."""

    trusted_proxies: ListSetting = Field((), examples=["127.0.0.1 10.0.0.0/8"])
    """Addresses or networks whose `X-Forwarded-For` and `X-Forwarded-Proto` count."""

    @field_validator("trusted_proxies", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return split_list(value)

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for item in value:
            ip_network(item, strict=False)
        return value

    def proxy_networks(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Return the trusted networks."""
        return tuple(ip_network(item, strict=False) for item in self.trusted_proxies)


class LimitSettings(HSettings):
    """Limits of what one person may do."""

    rate_limits: bool = True
    """Whether the API refuses (429) a user, an application or an address that writes or searches far more than people
    do, four a second over five minutes and fifty a second for an application, and whether people are mailed of no more
    than a day's worth of one person's replies and reports. The embedded mode turns it off. Sign-in, sign-up and mails
    of mentions are limited in any case."""


class MailSettings(HSettings):
    """Outgoing mail."""

    mail_host: Annotated[str | None, Link("MAIL", 25, "{host}")] = Field(None, examples=["smtp.example.org"])
    """SMTP server. Without it mail is written to `MAIL_DIR`, or dropped with a warning when that is unset too."""

    mail_port: Annotated[int, Link("MAIL", 25, "{port}")] = Field(25, ge=1, le=65535)
    """Port of the SMTP server."""

    mail_username: str | None = None
    """User for SMTP authentication."""

    mail_password: SecretStr | None = None
    """Password for SMTP authentication."""

    mail_tls: Literal["none", "starttls", "tls"] = "none"
    """`starttls` upgrades the connection, `tls` opens it encrypted (usually port 465)."""

    mail_default_sender: str = Field("h@localhost", examples=["Annotations <noreply@example.org>"])
    """Sender of outbound mail."""

    mail_dir: Path | None = None
    """Directory where mail is kept as `.eml` files instead of being sent; the embedded mode sets it."""


class InstanceSettings(HSettings):
    """What tells one process of a service from another."""

    instance: str = Field("", pattern=r"^[A-Za-z0-9_.-]{0,64}$", examples=["websocket-1"])
    """Name of this process, unique among those of its service; names its queue. Default: the host name."""

    @model_validator(mode="before")
    @classmethod
    def _default_instance(cls, values: Any) -> Any:
        if isinstance(values, dict) and not values.get("instance"):
            host = os.uname().nodename
            values["instance"] = re.sub(r"[^A-Za-z0-9_.-]", "-", host)[:64]
        return values


SettingsT = TypeVar("SettingsT", bound=HSettings)


def load(settings_class: type[SettingsT]) -> SettingsT:
    """Return the service's settings, or end the process.

    Whatever is missing or wrong is named in one message on stderr, each with its meaning and an example; then
    the process exits with `EXIT_CONFIG`.
    """
    try:
        return settings_class()
    except ValidationError as error:
        _exit(_explain(settings_class, error))
    except SettingsFileError as error:
        _exit(str(error))


def _explain(settings_class: type[HSettings], error: ValidationError) -> str:
    lines = ["The configuration is incomplete or wrong:"]
    for problem in error.errors(include_input=False, include_url=False):
        name = str(problem["loc"][0]) if problem["loc"] else ""
        field = settings_class.model_fields.get(name)
        what = "is missing" if problem["type"] == "missing" else problem["msg"].removeprefix("Value error, ")
        lines.append(f"  {name.upper() or 'settings'}: {what}")
        if field is not None:
            lines.append(f"      {field.description}")
            if field.examples:
                lines.append(f"      example: {name.upper()}={field.examples[0]}")
    lines.append("Each can also come from a file named by <VARIABLE>_FILE. See docs/settings.md.")
    return "\n".join(lines)


def _exit(message: str) -> NoReturn:
    sys.stderr.write(message + "\n")
    raise SystemExit(EXIT_CONFIG)
