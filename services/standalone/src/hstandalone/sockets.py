"""Private directories for sockets, with paths short enough for a socket's address (107 bytes)."""

import contextlib
import os
import shutil
import tempfile
from pathlib import Path

from hstandalone.accounts import Account

_ROOT = Path("/tmp")  # noqa: S108 - data directories and TMPDIR may be too long; mkdtemp is safe here
_PREFIX = "h-socket-"


def make_socket_directory(name: str, *, account: Account | None = None) -> Path:
    """Make a new directory that only its owner may enter."""
    directory = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{name}-", dir=_ROOT))
    if account is not None:
        os.chown(directory, account.uid, account.gid)
    return directory


def remove_socket_directory(directory: Path) -> None:
    """Remove one that `make_socket_directory` made, now or in an earlier run; leave everything else alone."""
    if directory.parent == _ROOT and directory.name.startswith(_PREFIX) and not directory.is_symlink():
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(directory)
