"""Elasticsearch away, slow or talking nonsense: searches answer 503 in time, and page reads go on."""

import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hcommon.search.choice import search_backend
from hcommon.testing.database import RolledBackDatabase
from hcommon.testing.factories import make_annotation, make_user
from hcommon.testing.tcp_proxy import Fault, FaultyProxy, faulty_proxy
from hstandalone.valkey import EmbeddedValkey
from hweb.app import create_app
from hweb.resources import Resources
from pydantic import SecretStr
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

LONGEST_SECONDS = 2.0
PAGE = "https://example.com/page"


@pytest.fixture
def proxy(valkey: EmbeddedValkey) -> Iterator[FaultyProxy]:
    """In front of something that is no Elasticsearch: it never gets as far as that."""
    with faulty_proxy(valkey.url(0)) as proxy:
        yield proxy


@pytest.fixture
def client(resources: Resources, rolled_back: RolledBackDatabase, proxy: FaultyProxy) -> Iterator[TestClient]:
    settings = resources.settings.model_copy(update={"elasticsearch_url": SecretStr(proxy.url)})
    search = search_backend(settings, database=rolled_back, threads=2)
    yield TestClient(create_app(replace(resources, settings=settings, search=search)))
    search.close()


@pytest.mark.parametrize("fault", [fault for fault in Fault if fault is not Fault.NONE])
def test_a_search_answers_503_in_time_and_page_reads_go_on(
    client: TestClient, session: Session, proxy: FaultyProxy, fault: Fault
) -> None:
    make_annotation(session, user=make_user(session), target_uri=PAGE)
    proxy.fault = fault
    for _ in range(2):
        started = time.monotonic()
        answer = client.get("/api/search", params={"any": "word"})
        assert time.monotonic() - started < LONGEST_SECONDS
        assert answer.status_code == 503
        assert "search index" in answer.json()["reason"]
        assert client.get("/api/search", params={"uri": PAGE}).json()["total"] == 1
