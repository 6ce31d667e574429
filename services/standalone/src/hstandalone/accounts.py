"""As whom PostgreSQL runs: it refuses root, so as root an unprivileged account of this machine stands in."""

import os
import pwd
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hstandalone.errors import StandaloneError

_CANDIDATES = ("nobody", "daemon")


@dataclass(frozen=True)
class Account:
    """An account of this machine."""

    name: str
    uid: int
    gid: int

    def can_enter(self, directory: Path) -> bool:
        """Tell whether it may enter a directory; the kernel is asked, so access lists count as well."""
        return self.can_run(["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)])

    def can_run(self, argv: list[str]) -> bool:
        """Tell whether it may run a command, which must then succeed."""
        try:
            done = subprocess.run(  # noqa: S603 - fixed commands and our own binaries
                argv, user=self.uid, group=self.gid, extra_groups=[], cwd="/", capture_output=True, check=False
            )
        except OSError:
            return False
        return done.returncode == 0


def database_account(data_dir: Path) -> Account | None:
    """Return the account that runs PostgreSQL, None for our own.

    Only root needs another one: the owner of an existing data directory, else `nobody`. An account rather than
    a bare number, because initdb wants a name for its user.

    Raises:
        StandaloneError: Root on a machine without any unprivileged account.
    """
    if os.geteuid() != 0:
        return None
    if data_dir.exists() and (owner := data_dir.stat().st_uid) != 0:
        return _by_uid(owner)
    for name in _CANDIDATES:
        try:
            found = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(name=found.pw_name, uid=found.pw_uid, gid=found.pw_gid)
    raise StandaloneError(
        f"PostgreSQL does not run as root, and there is no account named {' or '.join(_CANDIDATES)} to run it as. "
        "Run this as an ordinary user, or add such an account."
    )


def _by_uid(uid: int) -> Account:
    try:
        found = pwd.getpwuid(uid)
    except KeyError:
        raise StandaloneError(
            f"The database belongs to user id {uid}, which this machine does not know. "
            "Give it to an existing account (chown -R nobody) and start again."
        ) from None
    return Account(name=found.pw_name, uid=found.pw_uid, gid=found.pw_gid)
