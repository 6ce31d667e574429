"""Fetch the unmodified Hypothesis client once, with the npm that comes as a wheel."""

import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from hstandalone import clientpackage, processes
from hstandalone.clientpackage import ClientPin
from hstandalone.errors import StandaloneError
from hstandalone.logfiles import tail
from hstandalone.stopping import StopRequest

_FETCH_SECONDS = 180.0


def client_directory(root: Path, *, pin: ClientPin) -> Path:
    """Return the directory of the client's version; it is there only when complete."""
    return root / pin.version


def fetch_client(
    root: Path, *, pin: ClientPin, env: Mapping[str, str], stop: StopRequest, npm: Path | None = None
) -> Path:
    """Make sure that the client lies unpacked below `root`, and return its directory.

    An archive that somebody put into `root` is taken instead of asking the network.

    Args:
        root: Directory for all versions; must exist.
        pin: The version wanted.
        env: The user's environment: npm finds their configuration, proxy and registry through it.
        stop: Ends the wait for the network.
        npm: Another npm than that of our environment.

    Raises:
        StandaloneError: It cannot be fetched, or is not the archive that is pinned.
        StopRequestedError: Somebody did not want to wait.
    """
    target = client_directory(root, pin=pin)
    if (target / "build" / "boot.js").is_file():
        return target
    supplied = root / pin.archive_name
    if supplied.is_file():
        clientpackage.unpack(supplied, pin=pin, target=target)
        return target
    with tempfile.TemporaryDirectory(prefix=".fetch.", dir=root) as directory:
        archive = _pack(Path(directory), pin=pin, env=env, stop=stop, npm=npm or Path(sys.executable).with_name("npm"))
        if archive is None:
            said = tail(Path(directory) / "npm.log") or "no answer in time"
            raise StandaloneError(
                f"The Hypothesis client could not be fetched. npm says:\n{said}\n"
                f"Is there a network, and does it need a proxy (npm config)? Or fetch {pin.archive_name} on another "
                f"machine (npm pack {pin.name}@{pin.version}), put it into {root} and start again."
            )
        clientpackage.unpack(archive, pin=pin, target=target)
    return target


def _pack(directory: Path, *, pin: ClientPin, env: Mapping[str, str], stop: StopRequest, npm: Path) -> Path | None:
    """Let npm write the archive into an empty directory; None when it did not."""
    process = processes.spawn(
        [npm, "pack", f"{pin.name}@{pin.version}", "--ignore-scripts", "--no-update-notifier", "--loglevel=error"],
        env=_npm_environment(env),
        log_path=directory / "npm.log",
        cwd=directory,
    )
    try:
        processes.wait_for(lambda: stop.requested or not process.is_running(), timeout_seconds=_FETCH_SECONDS)
        stop.check()
        archive = directory / pin.archive_name
        return archive if process.exit_code() == 0 and archive.is_file() else None
    finally:
        process.kill()


def _npm_environment(env: Mapping[str, str]) -> dict[str, str]:
    """Add the certificate authorities that other programs are told of; Node only asks its own variable."""
    result = dict(env)
    for name in ("SSL_CERT_FILE", "PIP_CERT"):
        if name in env:
            result.setdefault("NODE_EXTRA_CA_CERTS", env[name])
    return result
