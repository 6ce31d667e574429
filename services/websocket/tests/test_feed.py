"""From the bus to the sockets: what cannot be handled, and dependencies that go away."""

import json
import signal
import socket
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import redis
from hcommon.bus.consumer import Delivery
from hcommon.bus.publisher import Publisher
from hcommon.errors import UnavailableError
from hcommon.events.annotations import AnnotationCreated
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.metrics import Metrics
from hcommon.models import Annotation, Grant
from hcommon.testing.clock import START
from hstandalone.valkey import EmbeddedValkey
from hwebsocket.feed import CountedFailures
from hwebsocket.loading import Loaded, Loader
from hwebsocket.metrics import CATALOG
from sqlalchemy import delete, update

NewPage = Callable[[], str]


class Statsd:
    """A statsd server that keeps what it is sent."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 0))
        self.socket.settimeout(10)
        self.metrics = Metrics(host="127.0.0.1", port=self.socket.getsockname()[1], prefix="h")
        self.seen: list[str] = []

    def wait_for(self, line: str) -> None:
        while line not in self.seen:
            self.seen.append(self.socket.recv(1000).decode())


@pytest.fixture
def statsd() -> Iterator[Statsd]:
    server = Statsd()
    yield server
    server.socket.close()
    if server.metrics._client is not None:
        server.metrics._client.close()


def heard(client: Any) -> str:
    (shown,) = client.receive()["payload"]
    return str(shown["id"])


class TestUnknownEvents:
    def test_are_counted_and_passed_over(
        self, make_service: Callable[..., Any], world: Any, new_page: NewPage, statsd: Statsd
    ) -> None:
        service, page = make_service(metrics=statsd.metrics), new_page()
        annotation = world.annotation(target_uri=page)
        with service.client() as client:
            client.subscribe(uri=[page])
            world.publish_raw("annotation.created", {"of": "another form"})
            payload = {"annotation_id": str(annotation.id), "revision": 1, "occurred_at": START.isoformat()}
            world.publisher.publish(event_type="annotation.praised", payload=payload, consumer="websocket", attempts=0)
            world.publish_raw("annotation.created", payload | {"a field of tomorrow": 1})
            assert heard(client) == annotation_id_to_urlsafe(annotation.id)
        statsd.wait_for("h.websocket.events.unknown:1|c")


class TestFailures:
    def test_one_event_that_fails_leaves_the_others_of_its_batch_alone(
        self, make_service: Callable[..., Any], world: Any, new_page: NewPage, statsd: Statsd
    ) -> None:
        service, page = make_service(metrics=statsd.metrics), new_page()
        broken, sound = (world.annotation(target_uri=page) for _ in range(2))
        with world.session() as session:  # no code of ours writes this: an object is expected
            session.execute(update(Annotation).where(Annotation.id == broken.id).values(extra="[1]"))
        with service.client() as client:
            client.subscribe(uri=[page])
            world.publish(AnnotationCreated, annotation=broken)
            world.publish(AnnotationCreated, annotation=sound)
            assert heard(client) == annotation_id_to_urlsafe(sound.id)
        statsd.wait_for("h.websocket.events.annotation_created.failed:1|c")

    @pytest.mark.parametrize("kind", ["retry", "bury"])
    def test_a_batch_that_cannot_be_read_is_counted_and_not_kept(self, statsd: Statsd, kind: str) -> None:
        event = AnnotationCreated(occurred_at=START, annotation_id=uuid4(), revision=1)
        getattr(CountedFailures(statsd.metrics), kind)(Delivery(event, 0), UnavailableError("no"))
        statsd.wait_for("h.websocket.events.annotation_created.failed:1|c")

    def test_a_bug_in_the_consumer_does_not_end_the_feed(
        self, make_service: Callable[..., Any], world: Any, new_page: NewPage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("hwebsocket.feed._RESTART_SECONDS", 0.01)
        service, page = make_service(), new_page()
        consumer = service.service._feed._consumer
        run, failed = consumer.run, []

        def fail_once(stop: Any) -> None:
            if not failed:
                failed.append(True)
                raise RuntimeError
            run(stop)

        consumer.run = fail_once
        # The thread sits in the true `run`: a message that it cannot even look at throws it out.
        consumer._decode, decode = None, consumer._decode
        annotation = world.annotation(target_uri=page)
        with service.client() as client:
            client.subscribe(uri=[page])
            world.publish(AnnotationCreated, annotation=annotation)
            service.until(lambda: bool(failed))
            consumer._decode = decode
            world.publish(AnnotationCreated, annotation=annotation)
            assert heard(client) == annotation_id_to_urlsafe(annotation.id)


class TestMetrics:
    def test_events_sockets_and_lag_are_reported(
        self, make_service: Callable[..., Any], world: Any, new_page: NewPage, statsd: Statsd
    ) -> None:
        service, page = make_service(metrics=statsd.metrics), new_page()
        with service.client() as client:
            client.subscribe(uri=[page])
            occurred_at = world.clock.now() - timedelta(milliseconds=250)
            world.publish(AnnotationCreated, annotation=world.annotation(target_uri=page), occurred_at=occurred_at)
            client.receive()
            for line in (
                "h.websocket.connections.active:0|g",
                "h.websocket.connections.authenticated:0|g",
                "h.websocket.opened:1|c",
                "h.websocket.frames_sent:1|c",
                "h.websocket.events.annotation_created.handled:1|c",
                "h.websocket.event_lag:250.000000|ms",
            ):
                statsd.wait_for(line)
        statsd.wait_for("h.websocket.closed.client:1|c")

    def test_each_is_declared_once_with_its_meaning(self) -> None:
        assert len({metric.name for metric in CATALOG}) == len(CATALOG)
        assert all(metric.help.endswith(".") or "event_failed" in metric.help for metric in CATALOG)


class TestDatabaseAway:
    def test_an_event_waits_until_it_is_back(
        self, make_service: Callable[..., Any], own_world: Any, new_page: NewPage
    ) -> None:
        service, page = make_service(database_url=own_world.database_url), new_page()
        annotation = own_world.annotation(target_uri=page)
        with service.client() as client:
            client.subscribe(uri=[page])
            with own_world.without_database():
                own_world.publish(AnnotationCreated, annotation=annotation)
                client.sync()
            assert heard(client) == annotation_id_to_urlsafe(annotation.id)

    def test_nothing_is_read_while_nobody_listens(self, make_service: Callable[..., Any], world: Any) -> None:
        service = make_service()
        loader: Loader = service.service._feed._loader
        event = AnnotationCreated(occurred_at=START, annotation_id=world.annotation().id, revision=1)
        assert loader.load([event]) == Loaded()
        with service.client() as client:
            client.subscribe(group="abc")
            assert loader.load([event]).annotations.keys() == {event.annotation_id}


@pytest.fixture
def own_valkey(server_directory: Path) -> Iterator[EmbeddedValkey]:
    """A Valkey that keeps what it holds over a restart."""
    with EmbeddedValkey(server_directory / f"valkey-{uuid4().hex[:8]}", durable=True) as server:
        yield server


class TestBrokerAway:
    def test_after_its_return_the_feed_goes_on_and_nothing_is_lost(
        self, make_service: Callable[..., Any], world: Any, new_page: NewPage, own_valkey: EmbeddedValkey
    ) -> None:
        url, page = own_valkey.broker_url(1), new_page()
        service = make_service(broker_url=url)
        before, waiting, after = (world.annotation(target_uri=page) for _ in range(3))
        with service.client() as client:
            client.subscribe(uri=[page])
            publish(url, before)
            assert heard(client) == annotation_id_to_urlsafe(before.id)
            with closing(redis.Redis.from_url(own_valkey.url(1))) as bus:
                service.until(lambda: not bus.keys("*.in-hand"))
            assert own_valkey.process is not None
            own_valkey.process.stop(signals=[(signal.SIGKILL, 10.0)])
            service.until(lambda: not service.service.is_consuming)
            client.sync()  # the socket lives on
            with closing(HTTPConnection("127.0.0.1", service.service.port, timeout=10)) as connection:
                connection.request("GET", "/readyz")
                answer = connection.getresponse()
                assert answer.status == 503
                assert json.loads(answer.read())["checks"]["broker"]["ok"] is False
            own_valkey.start()
            publish(url, waiting)  # perhaps before the feed is back
            service.until(lambda: service.service.is_consuming)
            publish(url, after)
            assert [heard(client), heard(client)] == [
                annotation_id_to_urlsafe(waiting.id),
                annotation_id_to_urlsafe(after.id),
            ]

    def test_what_changed_meanwhile_holds_though_its_events_are_lost(
        self, make_service: Callable[..., Any], world: Any, own_valkey: EmbeddedValkey
    ) -> None:
        url, service = own_valkey.broker_url(1), make_service(broker_url=own_valkey.broker_url(1))
        user, other, group = world.user(), world.user(), world.group("private")
        ended, lasting = world.token(other), world.token(user)
        annotation = world.annotation(group=group)
        with service.client(token=lasting) as client, service.client(token=ended) as revoked:
            client.subscribe(group=group.pubid)
            revoked.sync()
            assert own_valkey.process is not None
            own_valkey.process.stop(signals=[(signal.SIGKILL, 10.0)])
            service.until(lambda: not service.service.is_consuming)
            world.membership(user, group)
            with world.session() as session:
                session.execute(delete(Grant).where(Grant.id == world.grant_of(ended)))
            own_valkey.start()
            assert revoked.closed() == (1008, "signed out")
            service.until(lambda: service.service.is_consuming)
            publish(url, annotation)
            assert heard(client) == annotation_id_to_urlsafe(annotation.id)

    def test_a_process_that_comes_back_finds_its_queue(
        self, make_service: Callable[..., Any], world: Any, new_page: NewPage
    ) -> None:
        page = new_page()
        make_service(instance="comes-back").stop()
        world.publish(AnnotationCreated, annotation=world.annotation(target_uri=page))  # nobody is there to hear of it
        service, annotation = make_service(instance="comes-back"), world.annotation(target_uri=page)
        with service.client() as client:
            client.subscribe(uri=[page])
            world.publish(AnnotationCreated, annotation=annotation)
            while heard(client) != annotation_id_to_urlsafe(annotation.id):
                pass


def publish(url: str, annotation: Annotation) -> None:
    event = AnnotationCreated(occurred_at=START, annotation_id=annotation.id, revision=1)
    with Publisher(url) as publisher:
        publisher.publish(event_type=event.TYPE, payload=event.model_dump(mode="json"), consumer=None, attempts=0)


class TestMissedEvents:
    def test_sockets_are_told_to_come_back(
        self, make_service: Callable[..., Any], world: Any, new_page: NewPage
    ) -> None:
        service = make_service()
        with service.client() as client:
            client.subscribe(uri=[new_page()])
            service.service._feed._missed()  # as the consumer does in front of RabbitMQ
            assert client.closed() == (1012, "events were missed")
