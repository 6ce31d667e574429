"""The unpacked client: its version and its files."""

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hcommon.errors import UnavailableError
from hcommon.logging import get_logger

from hweb.files import Directory, relative_names
from hweb.settings import Settings

_BOOT = "boot.js"
_VERSION = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,63}")
# Only developer tools ask for the maps; the others are never loaded. Source: the client's needs, section 1.3.
_LEFT_OUT = re.compile(r"\.map$|(^|/)ui-playground\.|^boot-template\.js$")

_log = get_logger(__name__)


class ClientMissingError(UnavailableError):
    """There is no unpacked client where `H_CLIENT_DIR` says, or the setting is unset."""


@dataclass(frozen=True, slots=True)
class Client:
    """One version of the client.

    Attributes:
        version: Part of its files' URLs.
        build: The files of `build/`.
    """

    version: str
    build: Directory


def installed(settings: Settings) -> Client:
    """Return the client that this server hands out.

    Raises:
        ClientMissingError: There is none; pages that need it say so, and the API works on.
    """
    directory = settings.h_client_dir
    if directory is None or not (directory / "build" / _BOOT).is_file():
        _report_missing(directory)
        raise ClientMissingError("The Hypothesis client is not installed on this server; its operator can see why.")
    return _open(directory)


@cache
def _report_missing(directory: Path | None) -> None:
    """Log it once a process, however often it is asked for."""
    _log.error("client_missing", setting="H_CLIENT_DIR", directory=str(directory) if directory else None)


@cache
def _open(directory: Path) -> Client:
    build = directory / "build"
    names = [name for name in relative_names(build) if not _LEFT_OUT.search(name)]
    files = Directory(build, names=names)
    return Client(version=_version(directory) or files.get(_BOOT).version, build=files)


def _version(directory: Path) -> str | None:
    """Return what the package says of itself, if it says so in a form that fits into a URL."""
    try:
        package = json.loads((directory / "package.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    version = package.get("version") if isinstance(package, dict) else None
    return version if isinstance(version, str) and _VERSION.fullmatch(version) else None
