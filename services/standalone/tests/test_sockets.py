"""Private directories for sockets."""

import os
import pwd
from pathlib import Path

import pytest
from hstandalone.accounts import Account
from hstandalone.sockets import make_socket_directory, remove_socket_directory


class TestSocketDirectory:
    def test_only_its_owner_may_enter_and_the_path_is_short(self) -> None:
        directory = make_socket_directory("x")
        assert directory.stat().st_mode & 0o777 == 0o700
        assert len(str(directory)) < 50
        (directory / "socket").touch()
        remove_socket_directory(directory)
        remove_socket_directory(directory)
        assert not directory.exists()

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root can give it to another account")
    def test_it_belongs_to_the_account(self) -> None:
        found = pwd.getpwnam("nobody")
        directory = make_socket_directory("x", account=Account("nobody", found.pw_uid, found.pw_gid))
        assert directory.stat().st_uid == found.pw_uid
        remove_socket_directory(directory)

    def test_no_other_directory_is_ever_removed(self, tmp_path: Path, open_dir: Path) -> None:
        for other in (tmp_path, open_dir):
            remove_socket_directory(other)
            assert other.exists()
