"""Where the value of a setting comes from: the variable, its `_FILE`, or a docker link.

The only module that reads the environment.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic.fields import FieldInfo
from pydantic_settings import PydanticBaseSettingsSource

_LINK_VALUE = re.compile(r"^(tcp|udp)://")


@dataclass(frozen=True, slots=True)
class Link:
    """The docker link that supplies a setting when no variable does.

    Docker sets `<ALIAS>_PORT_<port>_<PROTOCOL>_ADDR` and `…_PORT` for a linked container, and
    `<ALIAS>_ENV_<NAME>` for the variables that the container itself was started with.

    Attributes:
        alias: The link's name, upper-case.
        port: The container's port.
        template: The value, with `{host}`, `{port}` and `{env[NAME]}` of the linked container.
        protocol: `TCP` or `UDP`.
        defaults: Values for `env` names that the linked container does not set.
    """

    alias: str
    port: int
    template: str
    protocol: Literal["TCP", "UDP"] = "TCP"
    defaults: tuple[tuple[str, str], ...] = ()

    def resolve(self, environment: Mapping[str, str]) -> str | None:
        """Return the setting's value, or None without such a link."""
        stem = f"{self.alias}_PORT_{self.port}_{self.protocol}"
        host, port = environment.get(f"{stem}_ADDR"), environment.get(f"{stem}_PORT")
        if not host or not port:
            return None
        env = dict(self.defaults)
        prefix = f"{self.alias}_ENV_"
        env.update({k.removeprefix(prefix): v for k, v in environment.items() if k.startswith(prefix)})
        return self.template.format(host=host, port=port, env=env)


class EnvironmentSource(PydanticBaseSettingsSource):
    """Variables, `_FILE` variables and docker links, in this order of precedence."""

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        """Return the value as it was found, or None, and the field's name."""
        name = field_name.upper()
        value: str | None = os.environ.get(name)  # noqa: TID251 - this module reads the environment
        if value is not None and _LINK_VALUE.match(value):
            value = None  # Docker's own MAIL_PORT=tcp://… of a link, not a setting of ours
        path = os.environ.get(f"{name}_FILE")  # noqa: TID251 - this module reads the environment
        if not value and path:
            value = _read_secret(name, path)
        if not value:
            link = next((item for item in field.metadata if isinstance(item, Link)), None)
            value = link.resolve(os.environ) if link else None  # noqa: TID251 - this module reads the environment
        return value or None, field_name, False

    def __call__(self) -> dict[str, Any]:  # noqa: D102 - the library's protocol
        values = {name: self.get_field_value(field, name)[0] for name, field in self.settings_cls.model_fields.items()}
        return {name: value for name, value in values.items() if value is not None}


def _read_secret(name: str, path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsFileError(f"{name}_FILE: cannot read {path}: {error}") from error


class SettingsFileError(Exception):
    """A `<NAME>_FILE` variable names a file that cannot be read as text."""
