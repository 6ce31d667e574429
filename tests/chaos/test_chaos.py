"""A storm of writes while one thing after the other breaks: nothing acknowledged is lost, and all recovers by itself.

A test a fault, on containers that they share: `make chaos ARGS="-k kill-postgres"` runs one.
"""

import time
from contextlib import ExitStack, closing
from itertools import count

import httpx2
import pytest

from tests.chaos.conftest import OPERATIONS
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.probe import recovered
from tests.chaos.record import GONE, Record
from tests.chaos.storm import People, Storm
from tests.chaos.system import CutStack
from tests.chaos.table import Row
from tests.chaos.verification import (
    SETTLE_SECONDS,
    await_index,
    await_mails,
    dead_letters,
    invented_of,
    lost_of,
    unheard_of,
)
from tests.e2e.infra import people as visitors
from tests.e2e.infra.stack import SERVICES
from tests.e2e.infra.waiting import wait_until
from tests.faults.api import Api, NoAnswerError
from tests.faults.listeners import Listener

STALL_SECONDS = 300
"""How long writes may be held up."""

LEAST_OPERATIONS = 200
"""Acknowledged operations of one fault, so that the storm is there before, meanwhile and afterwards."""

_numbers = count(1)


@pytest.fixture(scope="session")
def reader(stack: CutStack, people: People) -> visitors.Api:
    """Somebody who searches."""
    return visitors.Api(stack, token=people.tokens["owner"])


class TestFault:
    @pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
    def test_nothing_is_lost_and_everything_recovers(
        self, stack: CutStack, people: People, reader: visitors.Api, fault: Fault, row: Row
    ) -> None:
        row.outcome = "FAILED"
        share = max(OPERATIONS // len(FAULTS), LEAST_OPERATIONS)
        with ExitStack() as stacked:
            storm = Storm(stack, people, tag=f"storm{next(_numbers)}")
            try:
                sockets = _sockets(stacked, stack, people, storm)
                stacked.enter_context(storm)
                storm.await_more(share // 4, seconds=STALL_SECONDS)
                _happen(stack, fault, storm)
                row.recover = recovered(stack, people, storm, reader=reader)
                missing = max(share - storm.record.operations, share // 4)
                storm.await_more(missing, seconds=STALL_SECONDS)
                storm.stop()
            finally:
                row.operations, row.unknown = storm.record.operations, storm.record.unknown.total()
                row.slowest = storm.record.slowest
            _compare(stack, storm, fault, row, reader=reader, sockets=sockets)
        row.outcome = "ok"


class TestAfterwards:
    def test_every_service_is_healthy_and_logged_no_bug(self, stack: CutStack) -> None:
        stack.wait_healthy(SERVICES)
        assert dead_letters(stack) == []
        assert [name for name in SERVICES if "Traceback" in stack.log(name)] == []


def _sockets(stacked: ExitStack, stack: CutStack, people: People, storm: Storm) -> list[Listener]:
    """Return a socket for each page."""
    return [
        stacked.enter_context(Listener(stack.socket_url, page=page, token=people.tokens["owner"]))
        for page in storm.pages.values()
    ]


def _happen(stack: CutStack, fault: Fault, storm: Storm) -> None:
    """Let it happen for its time, and search meanwhile: the search says that it cannot, or tells nothing wrong."""
    ends = time.monotonic() + fault.seconds
    with closing(Api(stack.url, token=storm.people.tokens["owner"])) as api:
        fault.begin(stack)
        try:
            while (left := ends - time.monotonic()) > 0:
                _search(api, storm.record, must_answer=fault.writes_go_on)
                time.sleep(min(1.0, left))
        finally:
            fault.end(stack)


def _search(api: Api, record: Record, *, must_answer: bool) -> None:
    deleted = {note.id for note in list(record.notes.values()) if note.states == {GONE}}
    try:
        status, found = api.request("GET", f"/search?tag={record.tag}&limit=200")
    except NoAnswerError:
        assert not must_answer
        return
    assert status in (httpx2.codes.OK, httpx2.codes.SERVICE_UNAVAILABLE), found
    if status == httpx2.codes.OK:
        assert not deleted & {row["id"] for row in found["rows"]}, "search shows what was deleted"


def _compare(
    stack: CutStack, storm: Storm, fault: Fault, row: Row, *, reader: visitors.Api, sockets: list[Listener]
) -> None:
    record, started = storm.record, time.monotonic()
    lost = lost_of(stack, record)
    row.lost = len(lost)
    assert lost == [], f"acknowledged and lost; unknown: {dict(record.unknown)}"
    assert invented_of(stack, record) == [], f"unknown: {dict(record.unknown)}"
    await_index(stack, record, reader=reader)
    row.mails, twice = await_mails(stack, record)
    row.twice = len(twice)
    wait_until(
        lambda: all(socket.closed.is_set() or not unheard_of(socket, record) for socket in sockets),
        seconds=SETTLE_SECONDS,
        what=f"every open socket heard everything: {[unheard_of(socket, record)[:2] for socket in sockets]}",
    )
    row.settled = time.monotonic() - started
    assert len(twice) <= fault.duplicates, twice
    assert all(times == 2 for times in twice.values()), twice
    assert fault.ends_sockets or not any(socket.closed.is_set() for socket in sockets), "a socket was closed"
    assert dead_letters(stack) == []
    assert record.unknown["500"] == 0
    assert not fault.writes_go_on or not record.unknown, record.unknown
