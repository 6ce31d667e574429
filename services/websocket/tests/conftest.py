"""The real service on a free port, with a real PostgreSQL and a real bus, and clients of another library."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from hcommon import ids
from hcommon.auth import Principal, principal_of_user
from hcommon.bus.publisher import Publisher
from hcommon.db.engine import Database
from hcommon.events.base import Event
from hcommon.metrics import Metrics
from hcommon.models import Annotation, Document, DocumentURI, Flag, Group, Token, User
from hcommon.testing import database as databases
from hcommon.testing import factories
from hcommon.testing.clock import START, FrozenClock
from hcommon.tokens import hash_token
from hcommon.uri import normalize, uri_hash
from hstandalone.valkey import EmbeddedValkey
from hwebsocket.app import Service
from hwebsocket.settings import Settings
from sqlalchemy import create_engine, make_url, select, text
from sqlalchemy.orm import Session
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

SECONDS = 10.0
BROKER_DB = 5
_numbers = count(1)


class Client:
    """A client's socket, read with deadlines."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket

    def send(self, message: object) -> None:
        self.socket.send(json.dumps(message))

    def ask(self, message: dict[str, Any]) -> Any:
        self.send(message)
        return self.receive()

    def receive(self) -> Any:
        return json.loads(self.socket.recv(timeout=SECONDS))

    def sync(self) -> None:
        """Return when everything sent before was handled."""
        assert self.ask({"type": "ping", "id": 99})["reply_to"] == 99

    def subscribe(self, **fields: object) -> None:
        """Send a filter of `uri`, `group`, `id` or `references`, and wait until it holds."""
        clauses = [
            {"field": f"/{name}", "operator": "one_of", "value": value, "case_sensitive": False}
            for name, value in fields.items()
        ]
        actions = {"create": True, "update": True, "delete": True}
        self.send({"filter": {"match_policy": "include_any", "clauses": clauses, "actions": actions}})
        self.sync()

    def closed(self) -> tuple[int | None, str]:
        """Read until the server closes; return code and reason as received, None for a connection cut short."""
        try:
            while True:
                self.socket.recv(timeout=SECONDS)
        except ConnectionClosed as error:
            return (error.rcvd.code, error.rcvd.reason) if error.rcvd else (None, "")


@contextmanager
def open_client(port: int, *, token: str | None = None, **options: Any) -> Iterator[Client]:
    """Open a socket, and close it afterwards."""
    url = f"ws://127.0.0.1:{port}/ws" + (f"?access_token={token}" if token else "")
    with connect(url, open_timeout=SECONDS, close_timeout=SECONDS, **options) as socket:
        yield Client(socket)


class ServiceThread:
    """The service on an event loop of its own."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self._started = threading.Event()
        self._stopping: Future[None] | None = None
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._started.wait(SECONDS)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self.service.start())
        self._started.set()
        self.loop.run_forever()
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.service.port}"

    def client(self, **options: Any) -> AbstractContextManager[Client]:
        return open_client(self.service.port, **options)

    def call(self, function: Callable[[], Any]) -> Any:
        """Run a function on the service's loop and return its result."""

        async def run() -> Any:
            return function()

        return asyncio.run_coroutine_threadsafe(run(), self.loop).result(SECONDS)

    def until(self, condition: Callable[[], bool]) -> None:
        """Wait until a condition holds on the service's loop."""

        async def poll() -> None:
            async with asyncio.timeout(SECONDS):
                while not condition():  # noqa: ASYNC110 - whatever a test waits for
                    await asyncio.sleep(0.01)

        asyncio.run_coroutine_threadsafe(poll(), self.loop).result(SECONDS + 1)

    def begin_to_stop(self) -> "Future[None]":
        """Let the service stop; the result is there when it has."""
        if self._stopping is None:
            self._stopping = asyncio.run_coroutine_threadsafe(self.service.stop(), self.loop)
        return self._stopping

    def stop(self) -> None:
        self.begin_to_stop().result(SECONDS * 2)
        if self.loop.is_running():
            self.loop.call_soon_threadsafe(self.loop.stop)
            self._thread.join(SECONDS)


@dataclass
class World:
    """What tests put into the database, committed, and the events that they publish."""

    database: Database
    database_url: str
    publisher: Publisher
    clock: FrozenClock

    @contextmanager
    def session(self) -> Iterator[Session]:
        with self.database.transaction() as session:
            yield session

    def user(self, **columns: Any) -> User:
        with self.session() as session:
            return factories.make_user(session, **columns)

    def token(self, user: User, **options: Any) -> str:
        with self.session() as session:
            return factories.make_access_token(session, user=user, **options)

    def group(self, kind: str = "open", **members: User) -> Group:
        """Insert a group; `member=user`, `moderator=user` … are its members."""
        with self.session() as session:
            group = factories.make_group(session, kind=kind)
            for role, user in members.items():
                factories.add_member(session, group=group, user=user, role=factories.Role(role))
            return group

    def annotation(self, user: User | None = None, **columns: Any) -> Annotation:
        with self.session() as session:
            author = user or factories.make_user(session)
            return factories.make_annotation(session, user=author, **columns)

    def document(self, *uris: str, canonical: tuple[str, ...] = ()) -> int:
        """Insert a document known under these URIs; return its key."""
        with self.session() as session:
            document = Document(created=START, updated=START)
            session.add(document)
            session.flush()
            claims = [(uri, "self-claim") for uri in uris] + [(uri, "rel-canonical") for uri in canonical]
            for uri, kind in claims:
                session.add(
                    DocumentURI(
                        document_id=document.id,
                        claimant=uris[0],
                        claimant_hash=uri_hash(normalize(uris[0])),
                        uri=uri,
                        uri_normalized=normalize(uri),
                        uri_hash=uri_hash(normalize(uri)),
                        type=kind,
                        content_type="",
                        annotation_id=ids.new_annotation_id(now=START),
                        created=START,
                        updated=START,
                    )
                )
            return document.id

    def membership(self, user: User, group: Group) -> Principal:
        """Make a user a member; return what the user may read from then on."""
        with self.session() as session:
            factories.add_member(session, group=group, user=user)
            return principal_of_user(session, user.id)

    def grant_of(self, token: str) -> UUID:
        with self.session() as session:
            found = session.scalars(select(Token.grant_id).where(Token.access_hash == hash_token(token)))
            return found.one()

    def flag(self, annotation: Annotation, user: User) -> None:
        with self.session() as session:
            session.add(Flag(annotation_id=annotation.id, user_id=user.id, created=START))

    def publish(self, event_class: type[Event], **values: Any) -> None:
        """Publish an event as the relay would; `annotation` stands for its id and revision."""
        annotation = values.pop("annotation", None)
        if annotation is not None:
            values |= {"annotation_id": annotation.id, "revision": annotation.revision}
        event = event_class(**({"occurred_at": START} | values))
        self.publish_raw(event.TYPE, event.model_dump(mode="json"))

    @contextmanager
    def without_database(self) -> Iterator[None]:
        """Keep everybody out of the database for a while."""
        url = make_url(self.database_url)
        engine = create_engine(url.set(database="postgres"), isolation_level="AUTOCOMMIT")
        self.database.close()
        with engine.connect() as connection:
            connection.execute(text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS false"))
            ours = text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")
            connection.execute(ours, {"name": url.database})
            try:
                yield
            finally:
                connection.execute(text(f"ALTER DATABASE {url.database} ALLOW_CONNECTIONS true"))
        engine.dispose()

    def publish_raw(self, event_type: str, payload: dict[str, Any]) -> None:
        self.publisher.publish(event_type=event_type, payload=payload, consumer=None, attempts=0)


def page() -> str:
    """Return the address of a page that no other test uses."""
    return f"https://example.com/page-{next(_numbers)}"


@pytest.fixture(scope="session")
def new_page() -> Callable[[], str]:
    """Makes the address of a page that no other test uses."""
    return page


@pytest.fixture(scope="session")
def world(postgres_server_url: str, template_url: str, valkey: EmbeddedValkey) -> Iterator[World]:
    """A database and a bus that all tests share; each uses its own users, groups and pages."""
    with databases.cloned(postgres_server_url, "h_websocket") as url:
        database = Database(url, pool_size=4)
        with database.transaction() as session:
            factories.make_world_group(session)
        with Publisher(valkey.broker_url(BROKER_DB)) as publisher:
            yield World(database=database, database_url=url, publisher=publisher, clock=FrozenClock())
        database.close()


@pytest.fixture(scope="session")
def make_client() -> Callable[..., AbstractContextManager[Client]]:
    """Opens sockets to a port."""
    return open_client


MakeService = Callable[..., ServiceThread]


@contextmanager
def running_service(
    *, database_url: str, broker_url: str, clock: FrozenClock, metrics: Metrics | None = None, **settings: Any
) -> Iterator[ServiceThread]:
    """Run a service, and stop it and what it used afterwards."""
    values: dict[str, Any] = {
        "database_url": database_url,
        "broker_url": broker_url,
        "app_url": "https://annotate.example.org",
        "authority": factories.AUTHORITY,
        "instance": f"test-{next(_numbers)}",
        "websocket_port": 0,
        "websocket_drain_seconds": 0,
    }
    built = Settings(**(values | settings))
    database = Database(database_url, pool_size=built.database_pool_size)
    quiet = metrics or Metrics(host=None, port=0, prefix="")
    thread = ServiceThread(Service(built, database=database, clock=clock, metrics=quiet))
    try:
        thread.until(lambda: thread.service.is_consuming)
        yield thread
    finally:
        thread.stop()
        database.close()


@pytest.fixture(scope="session")
def service(world: World, valkey: EmbeddedValkey) -> Iterator[ServiceThread]:
    """The service with its default settings, shared by most tests."""
    with running_service(
        database_url=world.database_url, broker_url=valkey.broker_url(BROKER_DB), clock=world.clock
    ) as running:
        yield running


@pytest.fixture
def make_service(world: World, valkey: EmbeddedValkey) -> Iterator[MakeService]:
    """Makes services with other settings, for one test."""
    with ExitStack() as stack:

        def make(**settings: Any) -> ServiceThread:
            values: dict[str, Any] = {
                "database_url": world.database_url,
                "broker_url": valkey.broker_url(BROKER_DB),
                "clock": world.clock,
            }
            return stack.enter_context(running_service(**(values | settings)))

        yield make


@pytest.fixture
def own_world(fresh_database_url: str, valkey: EmbeddedValkey, world: World) -> Iterator[World]:
    """A world with a database of its own, which a test may shut."""
    database = Database(fresh_database_url, pool_size=4)
    with database.transaction() as session:
        factories.make_world_group(session)
    yield World(database=database, database_url=fresh_database_url, publisher=world.publisher, clock=world.clock)
    database.close()
