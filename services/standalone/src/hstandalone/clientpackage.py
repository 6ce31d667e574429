"""The archive of the Hypothesis client: which one, whether it is that one, and unpacking it."""

import base64
import hashlib
import hmac
import json
import shutil
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from hstandalone.errors import StandaloneError

_ROOT = "package"
# Fetched only by developer tools, or never.
_DROPPED_SUFFIX = ".map"
_DROPPED_STEM = "ui-playground"

MAX_BYTES = 100_000_000
"""What an archive may unpack to; the client takes a tenth of it."""


@dataclass(frozen=True)
class ClientPin:
    """The one version of the client that this release serves.

    Attributes:
        name: Name of the package.
        version: Its version.
        integrity: `sha512-` and the base64 of its archive's digest, as package locks write it.
    """

    name: str
    version: str
    integrity: str

    @property
    def archive_name(self) -> str:
        """File name of the archive."""
        return f"{self.name}-{self.version}.tgz"


def read_pin(path: Path) -> ClientPin:
    """Read the pin, a file that the web image's build reads as well."""
    values = json.loads(path.read_text())
    return ClientPin(name=values["name"], version=values["version"], integrity=values["integrity"])


def unpack(archive: Path, *, pin: ClientPin, target: Path) -> None:
    """Check an archive against the pin and unpack it to `target`, whole or not at all.

    Source maps and the component playground are left out; the licence stays.

    Raises:
        StandaloneError: It is another archive, or holds a path or a kind of file that has no business there.
    """
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if not hmac.compare_digest(f"sha512-{digest}", pin.integrity):
        raise StandaloneError(
            f"The archive of the client {pin.name} {pin.version} is not the one this release was tested with: its "
            "sha512 differs. It was not unpacked. Something on the way may have changed it; try again."
        )
    fresh = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        fresh.chmod(0o755)
        with tarfile.open(archive, "r:gz") as tar:
            _extract(tar, fresh)
        if not (fresh / "build" / "boot.js").is_file():
            raise StandaloneError(f"The archive of the client {pin.version} has no build/boot.js.")
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
    except (OSError, tarfile.TarError, EOFError) as error:
        raise StandaloneError(f"The client {pin.version} could not be unpacked to {target}: {error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def _extract(tar: tarfile.TarFile, directory: Path) -> None:
    total = 0
    for member in tar:
        if member.isdir():
            continue
        path = PurePosixPath(member.name)
        if not member.isfile() or path.is_absolute() or ".." in path.parts or path.parts[0] != _ROOT:
            raise StandaloneError(f"The client's archive holds {member.name!r}, which may not be unpacked.")
        total += member.size
        if total > MAX_BYTES:
            raise StandaloneError("The client's archive unpacks to far more than a client.")
        source = tar.extractfile(member)
        if source is None or path.suffix == _DROPPED_SUFFIX or path.name.startswith(_DROPPED_STEM):
            continue
        target = directory.joinpath(*path.parts[1:])
        target.parent.mkdir(parents=True, exist_ok=True)
        with source, target.open("wb") as file:
            shutil.copyfileobj(source, file)
