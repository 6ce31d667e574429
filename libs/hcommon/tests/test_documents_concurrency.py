"""Many writers at once: never two documents of one page, never a deadlock, never a lost annotation."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from hcommon import ids
from hcommon.db.engine import Database
from hcommon.documents import claims_of, store
from hcommon.models import Annotation, Document, DocumentMeta, DocumentURI, Group, User
from hcommon.testing.clock import START
from hcommon.testing.factories import make_annotation, make_user, make_world_group
from sqlalchemy import func, select
from sqlalchemy.orm import Session

WRITERS = 20


@pytest.fixture
def database(fresh_database_url: str) -> Iterator[Database]:
    """A database with a connection for every writer."""
    database = Database(fresh_database_url, pool_size=WRITERS)
    yield database
    database.close()


@pytest.fixture
def users(database: Database) -> list[User]:
    with database.transaction() as session:
        make_world_group(session)
        return [make_user(session) for _ in range(WRITERS)]


def annotating(user: User, page: str, document: dict[str, object]) -> Callable[[Session], int]:
    """Return a writer that claims and annotates as the web service does."""

    def annotate(session: Session) -> int:
        claims = claims_of(document, claimant=page)
        annotation_id = ids.new_annotation_id(now=START)
        document_id = store(session, claims=claims, user_id=user.id, annotation_id=annotation_id, now=START)
        group = session.scalars(select(Group)).one()
        make_annotation(
            session, user=user, group=group, document_id=document_id, target_uri=page, id=annotation_id, created=START
        )
        return document_id

    return annotate


def at_once(database: Database, writers: list[Callable[[Session], object]]) -> None:
    """Run each in a transaction and a thread of its own, all beginning together; any failure is raised."""
    barrier = Barrier(len(writers))

    def run(writer: Callable[[Session], object]) -> None:
        with database.transaction() as session:
            session.connection()
            barrier.wait(timeout=30)
            writer(session)

    with ThreadPoolExecutor(len(writers)) as pool:
        list(pool.map(run, writers, timeout=60))


def link(*pages: str) -> dict[str, object]:
    return {"title": "T", "link": [{"href": page, "rel": "alternate"} for page in pages]}


def check_consistency(session: Session) -> None:
    """Every URI belongs to one document, every row to one that exists (the keys see to that)."""
    documents_of_uri = select(func.count(DocumentURI.document_id.distinct())).group_by(DocumentURI.uri_hash)
    assert set(session.scalars(documents_of_uri)) == {1}
    own_documents = select(Annotation.document_id, DocumentURI.document_id).join(
        DocumentURI, DocumentURI.uri_hash == Annotation.target_uri_hash
    )
    assert all(own == known for own, known in session.execute(own_documents))


class TestWritersOfOnePage:
    def test_make_one_document(self, database: Database, users: list[User]) -> None:
        document = link("https://b.example/", "urn:x-pdf:1")
        at_once(database, [annotating(user, "https://a.example/", document) for user in users])
        with database.transaction() as session:
            assert session.scalar(select(func.count(Document.id))) == 1
            assert session.scalar(select(func.count(Annotation.id))) == WRITERS
            assert session.scalar(select(func.count(DocumentMeta.id))) == 1
            check_consistency(session)

    def test_with_changing_metadata_do_not_hinder_each_other(self, database: Database, users: list[User]) -> None:
        metas = [{name: str(number) for name in ("title", "z", "a")} for number in range(WRITERS)]
        writers = [annotating(user, "https://a.example/", meta) for user, meta in zip(users, metas, strict=True)]
        for _ in range(3):
            at_once(database, writers)
        with database.transaction() as session:
            assert session.scalar(select(func.count(Document.id))) == 1
            check_consistency(session)


class TestWritersOfCrossingPages:
    def test_a_chain_becomes_one_document_in_whatever_order(self, database: Database, users: list[User]) -> None:
        pages = [f"https://{number}.example/" for number in range(WRITERS + 1)]
        at_once(
            database,
            [annotating(user, pages[number], link(pages[number + 1])) for number, user in enumerate(users)],
        )
        with database.transaction() as session:
            assert session.scalar(select(func.count(Document.id))) == 1
            check_consistency(session)

    def test_merges_of_known_documents_cross_without_deadlock(self, database: Database, users: list[User]) -> None:
        pages = [f"https://{number}.example/" for number in range(WRITERS)]
        with database.transaction() as session:
            for page, user in zip(pages, users, strict=True):
                annotating(user, page, {})(session)
        joined = [(pages[index], pages[(index * 7 + 3) % WRITERS]) for index in range(WRITERS)]
        at_once(
            database,
            [annotating(user, left, link(right)) for user, (left, right) in zip(users, joined, strict=True)],
        )
        with database.transaction() as session:
            check_consistency(session)
            known = dict(session.execute(select(DocumentURI.uri, DocumentURI.document_id)).all())
            assert all(known[left] == known[right] for left, right in joined)

    def test_annotations_of_a_page_survive_its_merge(self, database: Database, users: list[User]) -> None:
        old, new = "https://old.example/", "https://new.example/"
        with database.transaction() as session:
            oldest = annotating(users[0], old, {})(session)
            for user in users:
                annotating(user, new, {})(session)
        writers = [annotating(user, new, {}) for user in users[1:]]
        at_once(database, [*writers[:10], annotating(users[0], new, link(old)), *writers[10:]])
        with database.transaction() as session:
            assert set(session.scalars(select(Annotation.document_id))) == {oldest}
            assert session.scalar(select(func.count(Annotation.id))) == 2 * WRITERS + 1
            check_consistency(session)
