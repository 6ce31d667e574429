"""Settings of the embedded mode; the only module of this package that reads the environment."""

import os
from pathlib import Path
from typing import Self

from hcommon.settings import MailSettings, SiteSettings
from pydantic import Field, model_validator

_LAST_PORT = 65535

CHECKOUT = Path(__file__).resolve().parents[4]
"""Root of the checkout; this package is always installed from one."""


class Settings(SiteSettings, MailSettings):
    """What moves the embedded mode; every other setting of the services is passed on to them unchanged."""

    port: int = Field(5000, ge=1, le=_LAST_PORT)
    """Port of the web service."""

    websocket_port: int = Field(0, ge=0, le=_LAST_PORT)
    """Port of the websocket service. Default: the one after `PORT`."""

    h_data: Path = CHECKOUT / "var"
    """Directory of everything the embedded mode keeps: database, queues, mail, logs, secrets. Default: `./var`."""

    @model_validator(mode="after")
    def _has_two_ports(self) -> Self:
        if self.socket_port > _LAST_PORT:
            raise ValueError("PORT is the last one there is: choose a lower one, or set WEBSOCKET_PORT as well")
        if self.websocket_port == self.port:
            raise ValueError("PORT and WEBSOCKET_PORT must differ")
        return self

    @property
    def socket_port(self) -> int:
        """Port of the websocket service, defaults applied."""
        return self.websocket_port or self.port + 1

    @property
    def site_url(self) -> str:
        """Public base URL, defaults applied."""
        return self.app_url if self.has_own_url else f"http://localhost:{self.port}"

    @property
    def has_own_url(self) -> bool:
        """Whether `APP_URL` was given."""
        return "app_url" in self.model_fields_set

    @property
    def data_dir(self) -> Path:
        """`h_data` as an absolute path."""
        return self.h_data.expanduser().resolve()


def inherited_environment() -> dict[str, str]:
    """Return the environment this process was started with."""
    return dict(os.environ)  # noqa: TID251 - this is settings.py
