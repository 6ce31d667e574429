"""Elasticsearch away, read-only, slow or talking nonsense: writes and page reads go on, and the index catches up."""

import time
from collections.abc import Iterator

import httpx2
import pytest

from tests.e2e.infra.faults import Fault, FaultyProxy
from tests.e2e.infra.people import Api, account
from tests.e2e.infra.stack import Stack
from tests.e2e.infra.waiting import wait_until
from tests.e2e.infra.writing import Writer, nothing_lost

LONGEST_SECONDS = 2.5
"""Two seconds for a search, and what a busy machine adds to it."""


@pytest.fixture(scope="module")
def people(stack: Stack) -> tuple[Api, Api]:
    """Two accounts."""
    return account(stack, "searcher"), account(stack, "scribbler")


@pytest.fixture(scope="module")
def troubled(stack: Stack, people: tuple[Api, Api]) -> Iterator[tuple[FaultyProxy, Api]]:
    """A web container and the only indexer, both behind a proxy that can be told to misbehave."""
    proxy = FaultyProxy(stack.address("elasticsearch"), 9200)
    behind = {"ELASTICSEARCH_URL": f"http://{stack.gateway}:{proxy.port}", "ELASTICSEARCH_WRITE_SECONDS": "3"}
    stack.remove("indexer")
    names = [stack.start(name, number=9, env=behind) for name in ("web", "indexer")]
    stack.wait_healthy(names)
    url = f"http://localhost:{stack.ports['web9']}"
    yield proxy, Api(stack, token=people[0].token, url=url)
    for name in names:
        stack.remove(name)
    proxy.close()
    stack.start("indexer")
    stack.wait_healthy(["indexer"])


class TestOutage:
    def test_away_searches_say_so_and_everything_else_goes_on(self, stack: Stack, people: tuple[Api, Api]) -> None:
        reader, other = people
        uri, tag = "https://example.com/es-away", "es-away"
        mine = reader.create(uri=uri, text="Say something.")
        stack.container("elasticsearch").stop(timeout=60)
        with Writer(other, uri=uri, tag=tag, reply_to=mine["id"]) as writer:
            writer.wait_for_more(5)
            _goes_on(reader, uri=uri, writer=writer)
            writer.wait_for_more(20)
        assert writer.refused == []
        assert stack.sql("SELECT count(*) FROM dead_letter") == "0"
        stack.container("elasticsearch").start()
        nothing_lost(stack, writer, api=reader, tag=tag, socket=None)

    def test_read_only_what_was_there_is_found_and_the_rest_follows(
        self, stack: Stack, people: tuple[Api, Api]
    ) -> None:
        reader, other = people
        uri, tag = "https://example.com/es-read-only", "es-read-only"
        mine = reader.create(uri=uri, text="Say something of the echidna.")
        wait_until(lambda: reader.search(any="echidna")["total"] == 1, what="search finds it")
        _block(stack, "true")
        try:
            with Writer(other, uri=uri, tag=tag, reply_to=mine["id"]) as writer:
                writer.wait_for_more(20)
                assert reader.search(any="echidna")["total"] == 1
                assert reader.search(tag=tag)["total"] == 0
                assert reader.search(uri=uri)["total"] > 0
            assert writer.refused == []
        finally:
            _block(stack, "null")
        nothing_lost(stack, writer, api=reader, tag=tag, socket=None)


class TestTrouble:
    @pytest.mark.parametrize("fault", [Fault.SLOW, Fault.NONSENSE])
    def test_searches_say_so_in_time_and_the_index_catches_up(
        self, stack: Stack, people: tuple[Api, Api], troubled: tuple[FaultyProxy, Api], fault: Fault
    ) -> None:
        (proxy, reader), (_, other) = troubled, people
        tag = f"es-{fault.name.lower()}"
        uri = f"https://example.com/{tag}"
        mine = people[0].create(uri=uri, text="Say something.")
        proxy.fault = fault
        with Writer(other, uri=uri, tag=tag, reply_to=mine["id"]) as writer:
            writer.wait_for_more(5)
            _goes_on(reader, uri=uri, writer=writer)
            writer.wait_for_more(20)
        assert writer.refused == []
        proxy.fault = Fault.NONE
        nothing_lost(stack, writer, api=people[0], tag=tag, socket=None)


def _goes_on(reader: Api, *, uri: str, writer: Writer) -> None:
    """Searches are answered by 503 in time, and a page's annotations are there."""
    for _ in range(3):
        started = time.monotonic()
        answer = _search(reader, any="word")
        assert time.monotonic() - started < LONGEST_SECONDS
        assert answer.status_code == 503
        assert "search" in answer.json()["reason"].lower()
    last = writer.written[-1]
    assert last in [row["id"] for row in reader.search(uri=uri, limit=200)["rows"]]
    assert _search(reader, url=uri).status_code == 200
    assert reader.http.get(f"/annotations/{last}").status_code == 200


def _search(api: Api, **terms: str) -> httpx2.Response:
    return api.http.get("/search", params=terms)


def _block(stack: Stack, value: str) -> None:
    body = f'{{"index.blocks.read_only": {value}}}'
    header = "Content-Type: application/json"
    stack.run(
        "elasticsearch", "curl", "-fsS", "-X", "PUT", "localhost:9200/hypothesis/_settings", "-H", header, "-d", body
    )
