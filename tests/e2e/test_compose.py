"""`make up` with two of each service: what it writes, what it prints, and that nothing is lost or doubled."""

import re
import stat
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import httpx2
import pytest

from tests.e2e.infra.composed import Composed
from tests.e2e.infra.people import Api, account
from tests.e2e.infra.sockets import Listener
from tests.e2e.infra.waiting import wait_until
from tests.e2e.infra.writing import Writer, nothing_lost

SCALE = {"web": 2, "websocket": 2, "worker": 2, "indexer": 2, "relay": 2}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the copy of compose/ is."""
    return tmp_path_factory.mktemp("composed")


@pytest.fixture(scope="module")
def composed(directory: Path) -> Iterator[Composed]:
    """The scaled project."""
    with Composed(directory=directory, scale=SCALE) as running:
        yield running


class TestUp:
    def test_it_writes_secrets_once_for_the_owners_eyes_only(self, composed: Composed, directory: Path) -> None:
        written = directory / "compose" / ".env"
        assert stat.S_IMODE(written.stat().st_mode) == 0o600
        secret = re.compile(r"^(SECRET_KEY|POSTGRES_PASSWORD|RABBITMQ_PASSWORD)=(\S{24,})$", re.MULTILINE)
        secrets = dict(secret.findall(written.read_text()))
        assert len(set(secrets.values())) == 3

    def test_it_prints_the_address_and_a_link_for_the_first_administrator(self, composed: Composed) -> None:
        assert f"h is running: {composed.url}\n" in composed.said
        link = re.search(rf"{composed.url}/\S*claim\S*", composed.said)
        assert link
        assert httpx2.get(link[0]).status_code == 200

    def test_every_container_is_healthy_hardened_and_there_as_often_as_asked(self, composed: Composed) -> None:
        listed = composed.compose("ps", "--format", "{{.Service}} {{.Health}}").splitlines()
        assert all(line.endswith(" healthy") for line in listed), listed
        for name, count in SCALE.items():
            assert listed.count(f"{name} healthy") == count
        for name in (*SCALE, "consumer", "beat"):
            written = composed.run(
                name, "sh", "-c", "id -u; touch /opt/x /usr/x /etc/x /x 2>/dev/null || echo read-only"
            )
            assert written.split() == ["10001", "read-only"]


class TestTwoOfEach:
    def test_nothing_is_lost_or_doubled(self, composed: Composed) -> None:
        reader, other = account(composed, "reader"), account(composed, "writer")
        apis = [Api(composed, token=other.token, url=url) for url in composed.urls]
        uri, tag = "https://example.com/composed", "composed"
        assert reader.token
        mine = reader.create(uri=uri, text="Say something.")
        first, second = [Listener(url, token=reader.token, uris=[uri]) for url in composed.socket_urls]
        with first, second:
            with Writer(_Alternating(apis), uri=uri, tag=tag, reply_to=mine["id"]) as writer:
                writer.wait_for_more(150)
            assert writer.refused == []
            nothing_lost(composed, writer, api=reader, tag=tag, socket=first)
            second.wait_for(set(writer.written))
            for socket in (first, second):
                assert len(socket.heard) == len(set(socket.heard)), "a socket heard of something twice"
        assert int(composed.sql("SELECT count(*) FROM annotation WHERE text LIKE 'composed %'")) == len(writer.written)
        wait_until(
            lambda: "missing: 0\nstale: 0\norphaned: 0" in composed.h("search", "check"), what="the index is equal"
        )


class _Alternating(Api):
    """Writes through one after the other."""

    def __init__(self, apis: list[Api]) -> None:
        self._turns = cycle(apis)

    def create(self, **values: object) -> dict[str, object]:
        return next(self._turns).create(**values)
