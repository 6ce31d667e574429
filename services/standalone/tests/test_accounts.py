"""As whom PostgreSQL runs."""

import os
import pwd
from pathlib import Path

import pytest
from hstandalone.accounts import Account, database_account
from hstandalone.errors import StandaloneError

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")


class TestDatabaseAccount:
    @pytest.mark.skipif(os.geteuid() == 0, reason="root needs another account")
    def test_an_ordinary_user_runs_it_as_themselves(self, open_dir: Path) -> None:
        assert database_account(open_dir / "postgres") is None

    @as_root
    def test_root_lets_nobody_run_it(self, open_dir: Path) -> None:
        account = database_account(open_dir / "postgres")
        assert account is not None
        assert account.name == "nobody"

    @as_root
    def test_existing_data_keeps_its_owner(self, open_dir: Path) -> None:
        daemon = pwd.getpwnam("daemon")
        os.chown(open_dir, daemon.pw_uid, daemon.pw_gid)
        assert database_account(open_dir) == Account(name="daemon", uid=daemon.pw_uid, gid=daemon.pw_gid)

    @as_root
    def test_an_owner_without_a_name_is_explained(self, open_dir: Path) -> None:
        os.chown(open_dir, 54321, 54321)
        with pytest.raises(StandaloneError, match="user id 54321"):
            database_account(open_dir)


@as_root
class TestAccount:
    @pytest.fixture
    def nobody(self) -> Account:
        found = pwd.getpwnam("nobody")
        return Account(name="nobody", uid=found.pw_uid, gid=found.pw_gid)

    def test_it_may_enter_an_open_directory_only(self, nobody: Account, open_dir: Path) -> None:
        assert nobody.can_enter(open_dir)
        open_dir.chmod(0o700)
        assert not nobody.can_enter(open_dir)

    def test_it_may_not_run_what_is_not_there(self, nobody: Account, open_dir: Path) -> None:
        assert not nobody.can_run([str(open_dir / "missing")])
