"""Any process may be killed or stopped at any time.

Nothing that was acknowledged is lost, and what follows from it happens.
"""

import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from itertools import count

import psutil  # type: ignore[import-untyped]  # psutil ships no types
import pytest
from hcommon.db.engine import POOL_TIMEOUT_SECONDS
from hstandalone.readiness import answers

from tests.faults.api import Api, body_of
from tests.faults.listeners import Listener
from tests.faults.mailserver import MailServer
from tests.faults.people import People, open_pages
from tests.faults.system import System, wait_until
from tests.faults.traffic import KILL_EVERY, WRITERS, Record, Traffic
from tests.faults.verification import Books, check_consequences, check_listeners, check_rows

MAILS_AT_ONCE = 4
"""Each of them may have left when the process or the database dies, without anybody being able to note it."""

Send = Callable[..., Future[tuple[int, float]]]

_numbers = count(1)


class Run:
    """A thousand writes during which processes are killed.

    Attributes:
        cut: For each of the sockets that were open whether the fault closed it.
    """

    def __init__(self, system: System, *, members: People, mail: MailServer, reader: Api) -> None:
        self._system = system
        self._members = members
        self._mail = mail
        self._reader = reader
        self.cut: list[bool] = []

    def kill(self, *victims: str, duplicates: int = 0) -> Record:
        """Kill one process after the other while people write, and demand that nothing is lost.

        Args:
            victims: As `System.pid` knows them.
            duplicates: How many mails may have been sent a second time.
        """
        system, members = self._system, self._members
        tag = f"run{next(_numbers)}"
        parents = open_pages(system, members, tag=tag, count=WRITERS)
        with ExitStack() as stack:
            listeners = [
                stack.enter_context(Listener(system.socket_url, page=page, token=token))
                for page, token in zip(parents, (members.author, None), strict=False)
            ]
            traffic = stack.enter_context(Traffic(system.url, token=members.writer, tag=tag, parents=parents))
            for number, victim in enumerate(victims, start=1):
                traffic.await_acknowledged(number * KILL_EVERY)
                pid = system.kill(victim)
                if victim == "supervisor":
                    system.run()
                system.await_another(victim, than=pid)
            record = traffic.finish()
            books = Books(system)
            stored = check_rows(books, record)
            check_consequences(system, books, stored, api=self._reader, mail=self._mail, duplicates=duplicates)
            check_listeners(listeners, record)
            self.cut = [listener.closed.is_set() for listener in listeners]
        self._follow_again(next(iter(parents)))
        return record

    def _follow_again(self, page: str) -> None:
        """Demand that a new socket hears what is written."""
        with Listener(self._system.socket_url, page=page, token=self._members.author) as listener:
            new = self._reader.create(uri=page, text="Written afterwards", tags=["afterwards"])
            wait_until(lambda: new in listener.texts(), seconds=5.0, what="a notification")


@pytest.fixture
def run(system: System, members: People, mail: MailServer, reader: Api) -> Run:
    return Run(system, members=members, mail=mail, reader=reader)


@pytest.fixture
def run_apart(apart: System, members: People, mail: MailServer, reader: Api) -> Run:
    return Run(apart, members=members, mail=mail, reader=reader)


@pytest.fixture
def send(system: System, members: People) -> Iterator[Send]:
    """Send a request from a thread and on a connection of its own; its result is the status and the seconds it took."""

    def ask(method: str, path: str, body: dict[str, object] | None = None) -> tuple[int, float]:
        started = time.monotonic()
        with closing(Api(system.url, token=members.writer)) as api:
            status, _ = api.request(method, path, body)
        return status, time.monotonic() - started

    with ThreadPoolExecutor(max_workers=10) as pool:
        yield lambda *arguments: pool.submit(ask, *arguments)


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Stop a process and its children for a while, as a machine does that is suspended."""
    parent = psutil.Process(pid)
    processes = [parent, *parent.children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


class TestKilledProcess:
    def test_web_refuses_until_it_is_back(self, run: Run) -> None:
        record = run.kill("h-web")
        assert record.refused
        assert not any(run.cut)

    def test_postgresql_is_waited_for_by_everybody(self, run: Run) -> None:
        record = run.kill("postgres", duplicates=MAILS_AT_ONCE)
        assert record.refused
        assert not any(run.cut)

    def test_valkey_loses_nothing_of_what_was_on_its_way(self, run: Run) -> None:
        record = run.kill("valkey")
        assert not record.refused
        assert not any(run.cut)

    def test_indexer_disturbs_nobody_who_writes(self, run: Run) -> None:
        record = run.kill("h-indexer")
        assert not record.refused
        assert not any(run.cut)

    def test_websocket_closes_its_sockets_and_nothing_else(self, run: Run) -> None:
        record = run.kill("h-websocket")
        assert not record.refused
        assert all(run.cut)

    def test_worker_makes_up_for_what_waited(self, run: Run) -> None:
        record = run.kill("h-worker", duplicates=MAILS_AT_ONCE)
        assert not record.refused
        assert not any(run.cut)

    def test_supervisor_is_started_by_hand_and_cleans_up(self, run: Run) -> None:
        record = run.kill("supervisor", duplicates=MAILS_AT_ONCE)
        assert record.refused
        assert all(run.cut)


class TestStoppedDatabase:
    def test_requests_are_put_off_and_go_on_afterwards(self, system: System, reader: Api, send: Send) -> None:
        page = "https://faults.example/stopped"
        before = system.kill("h-web")  # a new process has no connections yet
        system.await_another("h-web", than=before)
        wait_until(lambda: answers(f"{system.url}/readyz"), seconds=30.0, what="web")
        reader.create(uri=page, text="Written before", tags=["stopped"])  # now it has one, on which a request waits
        with stopped(system.pid("postgres")):
            write = send("POST", "/annotations", body_of(page, "Written meanwhile", ["stopped"]))
            requests = [write, *(send("GET", f"/search?uri={page}") for _ in range(4))]
            wait_until(lambda: sum(request.done() for request in requests) >= 4, seconds=30.0, what="four answers")
            refused = [request.result() for request in requests if request.done()]
            assert answers(f"{system.url}/livez")
            assert not answers(f"{system.url}/readyz")
        assert {status for status, _ in refused} == {503}
        assert max(seconds for _, seconds in refused) < 2 * POOL_TIMEOUT_SECONDS
        assert {request.result()[0] for request in requests} == {200, 503}
        reader.create(uri=page, text="Written afterwards", tags=["stopped"])
        texts = [row["text"] for row in reader.search(uri=page)]
        assert len(texts) == len(set(texts)) == (3 if write.result()[0] == 200 else 2)


class TestKilledRoles:
    def test_each_role_of_the_worker_may_die_alone(self, run_apart: Run) -> None:
        record = run_apart.kill("h-worker relay", "h-worker consume", "h-worker run", duplicates=MAILS_AT_ONCE)
        assert not record.refused
        assert not any(run_apart.cut)
