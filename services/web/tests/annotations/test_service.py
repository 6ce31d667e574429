"""The actions on annotations: what they store, and the events they record."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from threading import Barrier
from typing import Any
from uuid import UUID

import pytest
from hcommon.auth import ANONYMOUS, Principal, principal_of_user
from hcommon.db.engine import Database
from hcommon.documents import claims_of, store
from hcommon.events.annotations import AnnotationCreated, AnnotationDeleted, AnnotationUpdated
from hcommon.ids import new_annotation_id
from hcommon.models import Annotation, Document, DocumentURI
from hcommon.testing.clock import START, FrozenClock
from hcommon.testing.factories import make_user, make_world_group, recorded_events
from hcommon.uri import uri_hash
from hweb.annotations import schemas, service
from hweb.annotations.service import AnnotationNotFoundError
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

URI = "https://example.com/page"
WRITERS = 8


@pytest.fixture
def author(session: Session) -> Principal:
    make_world_group(session)
    return principal_of_user(session, make_user(session).id)


def create(session: Session, author: Principal, **body: Any) -> UUID:
    annotation = schemas.new_annotation({"uri": URI} | body)
    return service.create(session, author=author, annotation=annotation, now=START, client_id="tab")


def update(session: Session, author: Principal, annotation_id: UUID, now: datetime = START, **body: Any) -> None:
    change = schemas.annotation_change(body)
    service.update(session, author=author, annotation_id=annotation_id, change=change, now=now, client_id="tab")


def stored(session: Session, annotation_id: UUID) -> Annotation:
    query = select(Annotation).where(Annotation.id == annotation_id).execution_options(populate_existing=True)
    return session.scalars(query).one()


class TestStored:
    def test_addresses_are_found_by_their_normal_form(self, session: Session, author: Principal) -> None:
        uri = "http://Example.com:80/a?utm_source=x#f"
        annotation = stored(session, create(session, author, uri=uri))
        assert (annotation.target_uri, annotation.target_uri_normalized) == (uri, "httpx://example.com/a")
        assert annotation.target_uri_hash == uri_hash("httpx://example.com/a")

    def test_json_is_kept_letter_for_letter(self, session: Session, author: Principal) -> None:
        selector = {"type": "X", "b": 1.5, "a": ["\x00", "\U0001d11e"]}
        annotation = stored(
            session, create(session, author, target=[{"selector": [selector]}], metadata={"m": 1}, own="x")
        )
        assert annotation.target_selectors == '[{"type":"X","b":1.5,"a":["\\u0000","\U0001d11e"]}]'
        assert (annotation.client_metadata, annotation.extra) == ('{"m":1}', '{"own":"x"}')

    def test_what_the_server_says_is_not_kept(self, session: Session, author: Principal) -> None:
        names = ["id", "created", "updated", "user", "userid", "groupid", "user_info", "links", "actions", "mentions"]
        said = dict.fromkeys([*names, "flagged", "hidden", "moderation", "moderation_status"], "x")
        annotation_id = create(session, author, **said)
        update(session, author, annotation_id, **said)
        assert stored(session, annotation_id).extra is None

    def test_nothing_is_kept_of_what_was_not_sent(self, session: Session, author: Principal) -> None:
        annotation = stored(session, create(session, author))
        assert (annotation.target_selectors, annotation.extra, annotation.client_metadata) == (None, None, None)
        assert (annotation.document_version, annotation.revision) == (None, 1)

    def test_metadata_can_be_replaced_and_the_version_stays_until_told(
        self, session: Session, author: Principal
    ) -> None:
        annotation_id = create(session, author, metadata={"m": 1}, document={"version": 3})
        update(session, author, annotation_id, document={"title": ["T"]}, metadata={"n": 2})
        annotation = stored(session, annotation_id)
        assert (annotation.client_metadata, annotation.document_version) == ('{"n":2}', 3)
        update(session, author, annotation_id, document={"version": 0})
        assert stored(session, annotation_id).document_version is None


class TestDocuments:
    def test_annotations_of_a_page_share_a_document(self, session: Session, author: Principal) -> None:
        one, two = create(session, author), create(session, author, uri="http://EXAMPLE.com/page#x")
        assert stored(session, one).document_id == stored(session, two).document_id

    def test_claims_join_pages(self, session: Session, author: Principal) -> None:
        other = create(session, author, uri="https://other.example")
        one = create(session, author, document={"link": [{"href": "https://other.example", "rel": "canonical"}]})
        assert stored(session, one).document_id == stored(session, other).document_id

    def test_claims_name_their_user_and_annotation(self, session: Session, author: Principal) -> None:
        annotation_id = create(session, author)
        [edge] = session.scalars(select(DocumentURI))
        assert (edge.user_id, edge.annotation_id) == (author.user_id, annotation_id)

    def test_another_address_is_another_document(self, session: Session, author: Principal) -> None:
        annotation_id = create(session, author, document={"title": "old"})
        update(session, author, annotation_id, uri="https://new.example", document={"title": "new"})
        annotation = stored(session, annotation_id)
        assert annotation.target_uri_normalized == "httpx://new.example"
        assert session.scalar(select(Document.title).where(Document.id == annotation.document_id)) == "new"

    def test_a_change_of_the_text_alone_claims_nothing(self, session: Session, author: Principal) -> None:
        annotation_id = create(session, author)
        before = stored(session, annotation_id).document_id
        session.query(DocumentURI).delete()
        update(session, author, annotation_id, text="x")
        assert stored(session, annotation_id).document_id == before
        assert session.scalar(select(func.count(DocumentURI.id))) == 0


class TestEvents:
    def test_every_action_records_one(self, session: Session, author: Principal, clock: FrozenClock) -> None:
        annotation_id = create(session, author)
        later = clock.advance(seconds=1)
        update(session, author, annotation_id, now=later, text="x")
        last = clock.advance(seconds=1)
        service.delete(session, author=author, annotation_id=annotation_id, now=last, client_id="other")
        events: list[Any] = recorded_events(session)
        assert [(type(event), event.revision, event.occurred_at, event.client_id) for event in events] == [
            (AnnotationCreated, 1, START, "tab"),
            (AnnotationUpdated, 2, later, "tab"),
            (AnnotationDeleted, 3, last, "other"),
        ]
        assert {event.annotation_id for event in events} == {annotation_id}

    def test_a_refusal_records_none(self, session: Session, author: Principal) -> None:
        annotation_id = new_annotation_id(now=START)
        for refused in (
            lambda: create(session, ANONYMOUS),
            lambda: update(session, author, annotation_id, text="x"),
            lambda: update(session, ANONYMOUS, annotation_id, text="x"),
            lambda: service.delete(session, author=author, annotation_id=annotation_id, now=START),
            lambda: service.delete(session, author=ANONYMOUS, annotation_id=annotation_id, now=START),
        ):
            with pytest.raises(AnnotationNotFoundError):
                refused()
        assert recorded_events(session) == []


class TestAtOnce:
    @pytest.fixture
    def database(self, fresh_database_url: str) -> Iterator[Database]:
        database = Database(fresh_database_url, pool_size=WRITERS)
        yield database
        database.close()

    @pytest.fixture
    def writer(self, database: Database) -> Principal:
        with database.transaction() as session:
            make_world_group(session)
            user = make_user(session)
        with database.read() as connection:
            return principal_of_user(connection, user.id)

    def at_once(self, database: Database, actions: list[Callable[[Session], object]]) -> list[BaseException | None]:
        """Run each action in a transaction of its own, together; return what each raised."""
        barrier = Barrier(len(actions))

        def run(action: Callable[[Session], object]) -> BaseException | None:
            try:
                with database.transaction() as session:
                    session.connection()
                    barrier.wait(timeout=30)
                    action(session)
            except AnnotationNotFoundError as error:
                return error
            return None

        with ThreadPoolExecutor(len(actions)) as pool:
            return list(pool.map(run, actions, timeout=60))

    def while_uncommitted(
        self, database: Database, first: Callable[[Session], object], second: Callable[[Session], object]
    ) -> BaseException | None:
        """Run the second until it waits for the first one's transaction, commit that, and return what it raised."""
        with ThreadPoolExecutor(1) as pool:
            with database.transaction() as session:
                first(session)
                result = pool.submit(self.at_once, database, [second])
                deadline = time.monotonic() + 30
                while not session.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")):
                    assert time.monotonic() < deadline
            [raised] = result.result(timeout=30)
            return raised

    def test_no_change_gets_lost(self, database: Database, writer: Principal) -> None:
        with database.transaction() as session:
            annotation_id = create(session, writer)
        raised = self.while_uncommitted(
            database,
            lambda session: update(session, writer, annotation_id, one=1),
            lambda session: update(session, writer, annotation_id, two=2),
        )
        assert raised is None
        with database.transaction() as session:
            annotation = stored(session, annotation_id)
            assert (annotation.extra, annotation.revision) == ('{"one":1,"two":2}', 3)

    def test_what_was_deleted_meanwhile_cannot_be_changed(self, database: Database, writer: Principal) -> None:
        with database.transaction() as session:
            annotation_id = create(session, writer)
        raised = self.while_uncommitted(
            database,
            lambda session: service.delete(session, author=writer, annotation_id=annotation_id, now=START),
            lambda session: update(session, writer, annotation_id, text="x"),
        )
        assert isinstance(raised, AnnotationNotFoundError)

    def test_claims_about_a_page_that_it_left_meanwhile_do_not_move_it_back(
        self, database: Database, writer: Principal
    ) -> None:
        with database.transaction() as session:
            annotation_id = create(session, writer)
        raised = self.while_uncommitted(
            database,
            lambda session: update(session, writer, annotation_id, uri="https://new.example"),
            lambda session: update(session, writer, annotation_id, document={"title": "T"}, text="x"),
        )
        assert raised is None
        with database.transaction() as session:
            annotation = stored(session, annotation_id)
            [document_id] = session.scalars(
                select(DocumentURI.document_id).where(DocumentURI.uri_hash == annotation.target_uri_hash)
            )
            assert (annotation.document_id, annotation.text) == (document_id, "x")
            assert annotation.target_uri == "https://new.example"

    def test_it_is_deleted_once(self, database: Database, writer: Principal) -> None:
        with database.transaction() as session:
            annotation_id = create(session, writer)

        def delete(session: Session) -> None:
            service.delete(session, author=writer, annotation_id=annotation_id, now=START)

        failures = self.at_once(database, [delete] * WRITERS)
        assert failures.count(None) == 1

    def test_changes_and_a_merge_of_their_document_do_not_wait_for_each_other_in_a_circle(
        self, database: Database, writer: Principal
    ) -> None:
        old = "https://old.example"
        with database.transaction() as session:
            create(session, writer, uri=old)
            ids = [create(session, writer) for _ in range(WRITERS - 1)]

        def changing(annotation_id: UUID) -> Callable[[Session], object]:
            return lambda session: update(session, writer, annotation_id, uri=URI, text="x")

        def merge(session: Session) -> None:
            assert writer.user_id is not None
            store(
                session,
                claims=claims_of({"link": [{"href": old, "rel": "x"}]}, claimant=URI),
                user_id=writer.user_id,
                annotation_id=ids[0],
                now=START,
            )

        assert set(self.at_once(database, [merge, *map(changing, ids)])) == {None}
        with database.transaction() as session:
            assert session.scalar(select(func.count(Document.id))) == 1
            assert session.scalar(select(func.count(Annotation.id)).where(Annotation.text == "x")) == len(ids)
