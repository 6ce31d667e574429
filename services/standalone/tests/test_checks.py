"""What must hold before anything starts."""

import os
import socket
from pathlib import Path

import pytest
from hcommon.testing.ports import free_port
from hstandalone import checks
from hstandalone.errors import StandaloneError


class TestDataDirectory:
    def test_what_lies_in_it_is_private(self, tmp_path: Path) -> None:
        checks.make_data_directory(tmp_path / "deep" / "var")
        checks.make_data_directory(tmp_path / "deep" / "var")
        for name in ("log", "mail", "client"):
            assert (tmp_path / "deep" / "var" / name).stat().st_mode & 0o777 == 0o700

    @pytest.mark.skipif(os.geteuid() != 0, reason="only root's database runs as another account")
    def test_roots_can_be_passed_through_whatever_the_umask(self, tmp_path: Path) -> None:
        before = os.umask(0o077)
        try:
            checks.make_data_directory(tmp_path / "var")
        finally:
            os.umask(before)
        assert (tmp_path / "var").stat().st_mode & 0o777 == 0o711

    def test_a_place_where_nothing_can_be_written_is_named(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(StandaloneError, match=r"file/var: Not a directory.*H_DATA"):
            checks.make_data_directory(tmp_path / "file" / "var")


class TestDisk:
    def test_room_enough_is_fine(self, tmp_path: Path) -> None:
        checks.check_disk(tmp_path, min_free_bytes=1)

    def test_too_little_room_is_said_with_numbers(self, tmp_path: Path) -> None:
        with pytest.raises(
            StandaloneError, match=r"Only \d+ MB are free .* h wants 1000000000\. Make room, or set H_DATA"
        ):
            checks.check_disk(tmp_path, min_free_bytes=10**15)


class TestPort:
    def test_a_free_one_is_fine_and_stays_free(self) -> None:
        port = free_port()
        checks.check_port(port, variable="PORT")
        checks.check_port(port, variable="PORT")

    @pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1"])  # noqa: S104 - what others may hold
    def test_a_taken_one_is_said_with_its_owner_and_a_way_out(self, address: str) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        try:
            listener = socket.create_server((address, 0), family=family)
        except OSError:
            pytest.skip(f"this machine has no {address}")
        with listener:
            port = listener.getsockname()[1]
            with pytest.raises(
                StandaloneError, match=rf"Port {port} is taken by process {os.getpid()} .*make run PORT="
            ):
                checks.check_port(port, variable="PORT")

    @pytest.mark.skipif(os.geteuid() == 0, reason="root may use every port")
    def test_a_privileged_one_is_explained(self) -> None:
        with pytest.raises(StandaloneError, match=r"may not be used by this user.*make run PORT="):
            checks.check_port(1, variable="PORT")

    def test_one_that_was_just_in_use_is_free(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
            with socket.create_connection(("127.0.0.1", port)) as client:
                served, _ = listener.accept()
                served.close()
                client.recv(1)
        checks.check_port(port, variable="WEBSOCKET_PORT")
