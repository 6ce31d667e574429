"""What must hold before anything starts: a directory to write to, room on the disk, ports that are free."""

import contextlib
import errno
import os
import shutil
import socket
import tempfile
from pathlib import Path

import psutil  # type: ignore[import-untyped] # psutil ships no types

from hstandalone.errors import StandaloneError

_MEGABYTE = 1_000_000
_USUAL_PORTS = range(5100, 65_000)
_MIN_FREE_BYTES = 200 * _MEGABYTE


def make_data_directory(data_dir: Path) -> None:
    """Make the data directory, and find out whether files can be written there.

    Root's can be passed through by others, since PostgreSQL runs as another account; what lies in it is private.

    Raises:
        StandaloneError: It cannot be made or written.
    """
    try:
        if not data_dir.exists():
            data_dir.mkdir(parents=True)
            if os.geteuid() == 0:
                data_dir.chmod(0o711)
        for name in ("log", "mail", "client"):
            (data_dir / name).mkdir(mode=0o700, exist_ok=True)
        with tempfile.TemporaryFile(dir=data_dir) as file:
            file.write(b"x")
            file.flush()
    except OSError as error:
        raise StandaloneError(
            f"Nothing can be written to {data_dir}: {error.strerror}. "
            "Make room or change its permissions, or set H_DATA to another directory."
        ) from error


def check_disk(directory: Path, *, min_free_bytes: int = _MIN_FREE_BYTES) -> None:
    """Check that the disk has room.

    Raises:
        StandaloneError: It has not.
    """
    free = shutil.disk_usage(directory).free
    if free < min_free_bytes:
        raise StandaloneError(
            f"Only {free // _MEGABYTE} MB are free on the disk of {directory}, "
            f"and h wants {min_free_bytes // _MEGABYTE}. Make room, or set H_DATA to a directory on another disk."
        )


def check_port(port: int, *, variable: str) -> None:
    """Check that nobody listens on a port.

    Raises:
        StandaloneError: Somebody does, or we may not; the text says who, as far as one can know, and what to set.
    """
    for family, any_address in ((socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::")):  # noqa: S104 - never listens
        try:
            _bind(family, any_address, port)
        except OSError as error:
            if error.errno == errno.EACCES:
                raise StandaloneError(
                    f"Port {port} may not be used by this user. Set {variable} to one above 1023, for example: "
                    f"make run {variable}={_other(port)}"
                ) from None
            if error.errno == errno.EADDRINUSE:
                raise StandaloneError(
                    f"Port {port} is taken{_owner(port)}. Stop that, or set {variable} to another one, for example: "
                    f"make run {variable}={_other(port)}"
                ) from None
            # Else this machine has no such addresses.


def _bind(family: socket.AddressFamily, any_address: str, port: int) -> None:
    """Take the port for a moment: that fails when anybody holds it on any address of the family.

    Both families count, because browsers try `localhost` on either.
    """
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            probe.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        probe.bind((any_address, port))


def _other(port: int) -> int:
    """Suggest another port that everybody may use, with room for its neighbour."""
    other = port + 100
    return other if other in _USUAL_PORTS else _USUAL_PORTS.start


def _owner(port: int) -> str:
    """Name the process that listens on a port, in words that follow "taken"; empty where we may not know."""
    with contextlib.suppress(psutil.Error, OSError):
        for connection in psutil.net_connections(kind="tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port == port and connection.pid:
                return f" by process {connection.pid} ({psutil.Process(connection.pid).name()})"
    return ""
