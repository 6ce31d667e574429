"""Secrets of the installation, made once and kept in a file that only its owner may read."""

import json
import os
import secrets
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path

from hstandalone.errors import StandaloneError

_KEY_BYTES = 48
_MAKERS: Mapping[str, Callable[[], str]] = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(_KEY_BYTES),
    "CLIENT_ID": lambda: str(uuid.uuid4()),
}


def load_secrets(path: Path) -> dict[str, str]:
    """Read the secrets, first making those that are not there yet.

    A file that cannot be read is never replaced: a new key would end all sessions and lose what the old one
    encrypted.

    Raises:
        StandaloneError: The file cannot be read as JSON, or not be written.
    """
    known: dict[str, str] = {}
    try:
        if path.exists():
            known = _parse(path)
        missing = {name: make() for name, make in _MAKERS.items() if name not in known}
        if missing:
            known |= missing
            write_private(path, known)
    except OSError as error:
        raise StandaloneError(f"The secrets in {path} cannot be read or written: {error}") from error
    return known


def write_private(path: Path, values: Mapping[str, str]) -> None:
    """Write a JSON object that only its owner may read, whole or not at all."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        json.dump(values, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)


def _parse(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text())
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise StandaloneError(
            f"{path} is damaged. Restore it from a backup; if you delete it, new secrets are made: everybody "
            "has to sign in again, and two-factor and single sign-on settings have to be entered anew."
        )
    return {str(name): str(value) for name, value in found.items()}
