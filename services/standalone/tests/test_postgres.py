"""The embedded PostgreSQL: made, started, adopted, recovered, stopped."""

import contextlib
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from hstandalone.errors import StandaloneError
from hstandalone.postgres import EmbeddedPostgres
from hstandalone.processes import spawn, wait_for


def run(url: str, statement: str) -> list[tuple[object, ...]]:
    with contextlib.closing(psycopg2.connect(url)) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []


@pytest.fixture
def server(open_dir: Path) -> Iterator[EmbeddedPostgres]:
    postgres = EmbeddedPostgres(open_dir / "postgres", durable=False, shared_root=open_dir / "shared")
    yield postgres
    postgres.stop()


class TestFreshServer:
    def test_session_fixture_folds_and_orders_unicode(self, postgres_server_url: str) -> None:
        assert run(postgres_server_url, "SELECT lower('ÀÉ'), 'B' < 'a'") == [("àé", True)]

    def test_it_listens_on_a_private_socket_alone(self, server: EmbeddedPostgres) -> None:
        server.start()
        [(addresses, directory)] = run(
            server.url, "SELECT current_setting('listen_addresses'), current_setting('unix_socket_directories')"
        )
        assert addresses == ""
        assert Path(str(directory)).stat().st_mode & 0o777 == 0o700
        assert len(f"{directory}/.s.PGSQL.5432") < 107

    def test_settings_of_libpq_in_the_environment_do_not_matter(
        self, server: EmbeddedPostgres, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PGPORT", "1")
        monkeypatch.setenv("PGHOST", "unreachable.invalid")
        monkeypatch.setenv("PGDATA", "/nowhere")
        server.start()
        assert run(server.url, "SELECT 1") == [(1,)]

    def test_real_use_is_durable(self, open_dir: Path) -> None:
        with EmbeddedPostgres(open_dir / "postgres") as server:
            assert run(server.url, "SELECT current_setting('fsync'), current_setting('full_page_writes')") == [
                ("on", "on")
            ]

    def test_its_log_names_errors_without_what_people_wrote(self, server: EmbeddedPostgres, open_dir: Path) -> None:
        server.start()
        run(server.url, "CREATE TABLE note (text text, length integer CHECK (length < 3))")
        with pytest.raises(psycopg2.errors.CheckViolation):
            run(server.url, "INSERT INTO note VALUES ('Dear diary', 10)")
        with pytest.raises(psycopg2.errors.UndefinedTable):
            run(server.url, "INSERT INTO nowhere VALUES ('Dear diary')")
        log = (open_dir / "postgres.log").read_text()
        assert 'violates check constraint "note_length_check"' in log
        assert 'relation "nowhere" does not exist' in log
        assert "Dear diary" not in log

    def test_a_database_is_created_once(self, server: EmbeddedPostgres) -> None:
        server.start()
        url = server.ensure_database('odd "name"')
        assert server.ensure_database('odd "name"') == url
        assert run(server.ensure_database("h"), "SELECT current_database()") == [("h",)]

    def test_no_url_before_it_is_started(self, server: EmbeddedPostgres) -> None:
        with pytest.raises(StandaloneError, match="has not been started"):
            _ = server.url

    def test_stopping_leaves_no_process_and_no_socket(
        self, server: EmbeddedPostgres, ended: Callable[[int], bool]
    ) -> None:
        server.start()
        assert server.process is not None
        pid = server.process.pid
        [(directory,)] = run(server.url, "SELECT current_setting('unix_socket_directories')")
        server.stop()
        assert ended(pid)
        assert not Path(str(directory)).exists()
        assert not server.is_running()


class TestExistingData:
    def test_it_survives_a_restart(self, server: EmbeddedPostgres) -> None:
        server.start()
        run(server.url, "CREATE TABLE kept AS SELECT 7 AS number")
        server.stop()
        server.start()
        assert run(server.url, "SELECT number FROM kept") == [(7,)]

    def test_a_killed_server_recovers_at_the_same_address(self, server: EmbeddedPostgres) -> None:
        server.start()
        url = server.url
        run(url, "CREATE TABLE kept AS SELECT 7 AS number")
        run(url, "CHECKPOINT")
        assert server.process is not None
        os.kill(server.process.pid, signal.SIGKILL)
        assert wait_for(lambda: not server.is_running(), timeout_seconds=10)
        server.start()
        assert server.url == url
        assert run(url, "SELECT number FROM kept") == [(7,)]

    def test_a_server_left_running_is_adopted(self, server: EmbeddedPostgres, open_dir: Path) -> None:
        server.start()
        second = EmbeddedPostgres(open_dir / "postgres", durable=False)
        second.start()
        assert second.adopted
        assert second.url == server.url
        second.stop()
        assert wait_for(lambda: not server.is_running(), timeout_seconds=10)

    def test_a_number_that_now_belongs_to_another_program_is_no_obstacle(
        self, server: EmbeddedPostgres, open_dir: Path
    ) -> None:
        server.start()
        server.stop()
        lines = [os.getpid(), open_dir / "postgres", 0, 5432, open_dir, "", "", "ready"]
        (open_dir / "postgres" / "postmaster.pid").write_text("\n".join(map(str, lines)))
        server.start()
        assert not server.adopted
        assert open_dir.exists()

    def test_a_truncated_process_file_is_no_obstacle(self, server: EmbeddedPostgres, open_dir: Path) -> None:
        server.start()
        server.stop()
        (open_dir / "postgres" / "postmaster.pid").touch()
        server.start()
        assert server.is_running()

    def test_another_major_version_is_refused_with_both_versions(
        self, server: EmbeddedPostgres, open_dir: Path
    ) -> None:
        (open_dir / "postgres").mkdir()
        (open_dir / "postgres" / "PG_VERSION").write_text("17\n")
        with pytest.raises(StandaloneError, match=r"written by PostgreSQL 17.*brings PostgreSQL 18.*pg_dump"):
            server.start()

    def test_foreign_files_are_left_alone(self, server: EmbeddedPostgres, open_dir: Path) -> None:
        (open_dir / "postgres").mkdir()
        (open_dir / "postgres" / "thesis.txt").write_text("precious")
        with pytest.raises(StandaloneError, match="not a PostgreSQL database"):
            server.start()
        assert (open_dir / "postgres" / "thesis.txt").read_text() == "precious"

    def test_an_initialisation_that_was_cut_off_starts_afresh(self, server: EmbeddedPostgres, open_dir: Path) -> None:
        (open_dir / "postgres.new").mkdir()
        (open_dir / "postgres.new" / "PG_VERSION").write_text("18\n")
        server.start()
        assert run(server.url, "SELECT 1") == [(1,)]

    def test_damage_is_reported_with_the_servers_own_words(self, server: EmbeddedPostgres, open_dir: Path) -> None:
        server.start()
        server.stop()
        (open_dir / "postgres" / "global" / "pg_control").unlink()
        with pytest.raises(StandaloneError, match="pg_control"):
            server.start()


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user can always reach what is theirs")
class TestUnreachableDirectory:
    @pytest.fixture
    def private_dir(self, open_dir: Path) -> Path:
        directory = open_dir / "home"
        directory.mkdir(mode=0o700)
        return directory

    def test_data_goes_where_the_account_can_reach_it_and_stays_there(self, private_dir: Path, open_dir: Path) -> None:
        shared = open_dir / "shared"
        first = EmbeddedPostgres(private_dir / "postgres", durable=False, shared_root=shared)
        with first:
            assert first.relocated
            assert first.data_dir.is_relative_to(shared)
            run(first.url, "CREATE TABLE kept AS SELECT 7 AS number")
        private_dir.chmod(0o755)
        with EmbeddedPostgres(private_dir / "postgres", durable=False, shared_root=shared) as second:
            assert run(second.url, "SELECT number FROM kept") == [(7,)]

    def test_data_that_was_shut_off_is_not_replaced_by_a_fresh_database(
        self, private_dir: Path, open_dir: Path
    ) -> None:
        (private_dir / "postgres").mkdir()
        (private_dir / "postgres" / "PG_VERSION").write_text("18\n")
        with pytest.raises(StandaloneError, match="may not enter"):
            EmbeddedPostgres(private_dir / "postgres", shared_root=open_dir / "shared")


class TestKilledOwner:
    def test_the_server_shuts_down_and_the_next_run_has_the_data(
        self,
        open_dir: Path,
        program: Callable[[str], list[str]],
        ended: Callable[[int], bool],
        environment: dict[str, str],
    ) -> None:
        log = open_dir / "owner.log"
        owner = spawn(
            program(
                "import pathlib, time\n"
                "from hstandalone.postgres import EmbeddedPostgres\n"
                f"server = EmbeddedPostgres(pathlib.Path({str(open_dir / 'postgres')!r}))\n"
                "server.start()\n"
                "server.ensure_database('h')\n"
                "print(server.url.partition('host=')[2].partition('&')[0])\n"
                "print('pid', server.process.pid, flush=True)\n"
                "time.sleep(600)\n"
            ),
            env=environment,
            log_path=log,
        )
        assert wait_for(lambda: "pid" in log.read_text(), timeout_seconds=60), log.read_text()
        socket_dir, _, pid = log.read_text().split()
        owner.kill()
        with EmbeddedPostgres(open_dir / "postgres") as server:
            assert run(server.database_url("h"), "SELECT 1") == [(1,)]
        assert wait_for(lambda: ended(int(pid)), timeout_seconds=20)
        assert not Path(socket_dir).exists()
