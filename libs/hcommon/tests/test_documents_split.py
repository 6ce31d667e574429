"""Documents are split: claims are withdrawn, and stay so."""

import threading
from datetime import timedelta
from uuid import UUID

import pytest
from hcommon import ids
from hcommon.db.engine import Database
from hcommon.documents import claims_of, document_of, equivalent_hashes, joining_claims, split, store
from hcommon.models import Annotation, Document, DocumentMeta, DocumentURI, User, WithdrawnURI
from hcommon.testing.clock import START
from hcommon.testing.factories import make_annotation, make_user, make_world_group
from hcommon.uri import normalize, uri_hash
from sqlalchemy import func, select
from sqlalchemy.orm import Session

A, B, C = "https://a.example/", "https://b.example/", "https://c.example/"
LATER = START + timedelta(days=3)


def link(*uris: str, title: str | None = None) -> dict[str, object]:
    document: dict[str, object] = {"link": [{"href": uri, "rel": "alternate"} for uri in uris]}
    return document | ({"title": title} if title else {})


def annotate(session: Session, user: User, page: str, document: dict[str, object] | None = None) -> int:
    """Annotate a page as the web service does; return the document."""
    annotation_id = ids.new_annotation_id(now=START)
    claims = claims_of(document or {}, claimant=page)
    document_id = store(session, claims=claims, user_id=user.id, annotation_id=annotation_id, now=START)
    make_annotation(session, user=user, document_id=document_id, target_uri=page, id=annotation_id)
    return document_id


def same(session: Session, uri: str) -> frozenset[UUID]:
    return equivalent_hashes(session, uris=[uri])


def hashes(*uris: str) -> frozenset[UUID]:
    return frozenset(uri_hash(normalize(uri)) for uri in uris)


def claim(session: Session, claimant: str, uri: str) -> int:
    """Return the number of a claim as an operator finds it."""
    document_id = document_of(session, uri=claimant)
    assert document_id is not None
    [found] = [
        row["id"]
        for row in joining_claims(session, document_id=document_id)
        if (row["claimant"], row["uri"]) == (claimant, uri)
    ]
    return int(found)


@pytest.fixture
def alice(session: Session) -> User:
    return make_user(session, username="alice")


@pytest.fixture
def mallory(session: Session) -> User:
    return make_user(session, username="mallory")


class TestClaims:
    def test_are_listed_with_who_made_them(self, session: Session, alice: User, mallory: User) -> None:
        document_id = annotate(session, alice, A, link(B))
        annotate(session, mallory, A, link(B, C))
        first, second = joining_claims(session, document_id=document_id)
        assert (first["claimant"], first["uri"], first["users"], first["username"]) == (A, B, 2, "alice")
        assert (second["uri"], second["users"], second["username"]) == (C, 1, "mallory")
        assert (second["types"], second["authority"]) == (["rel-alternate"], "example.org")

    def test_of_an_unknown_uri_there_are_none(self, session: Session) -> None:
        assert document_of(session, uri=A) is None


class TestSplit:
    def test_a_wrong_claim_falls_and_pages_part(self, session: Session, alice: User, mallory: User) -> None:
        annotate(session, alice, A, {"title": "Page A"})
        annotate(session, alice, B, {"title": "Page B"})
        document_id = annotate(session, mallory, A, link(B))
        assert same(session, A) == hashes(A, B)
        done = split(session, document_id=document_id, claim_ids=[claim(session, A, B)], now=LATER)
        assert (done.withdrawn, [(part.uri, part.annotations) for part in done.parts]) == (1, [(A, 2), (B, 1)])
        assert (same(session, A), same(session, B)) == (hashes(A), hashes(B))
        assert session.get(Document, document_id, populate_existing=True) is None
        for part, title in zip(done.parts, ["Page A", "Page B"], strict=True):
            assert session.scalar(select(Document.title).where(Document.id == part.document_id)) == title
            targets = select(Annotation.target_uri).where(Annotation.document_id == part.document_id)
            assert set(session.scalars(targets)) == {part.uri}
            metas = select(DocumentMeta.claimant).where(DocumentMeta.document_id == part.document_id)
            assert set(session.scalars(metas)) == {part.uri}

    def test_what_was_withdrawn_is_kept_aside(self, session: Session, mallory: User) -> None:
        document_id = annotate(session, mallory, A, link(B))
        edge = session.scalars(select(DocumentURI).where(DocumentURI.uri == B)).one()
        was = (edge.claimant, edge.uri, edge.type, edge.user_id, edge.annotation_id, edge.created)
        split(session, document_id=document_id, claim_ids=[edge.id], now=LATER)
        kept = session.scalars(select(WithdrawnURI)).one()
        assert (kept.claimant, kept.uri, kept.type, kept.user_id, kept.annotation_id, kept.created) == was
        assert (kept.for_everyone, kept.withdrawn) == (True, LATER)

    def test_everybodys_claim_of_the_same_falls_in_both_directions(
        self, session: Session, alice: User, mallory: User
    ) -> None:
        for user in (alice, mallory):
            annotate(session, user, A, link(B))
        document_id = annotate(session, alice, B, link(A))
        done = split(session, document_id=document_id, claim_ids=[claim(session, B, A)], now=LATER)
        assert (done.withdrawn, len(done.parts)) == (3, 2)

    def test_a_page_that_others_join_too_stays_whole(self, session: Session, alice: User) -> None:
        annotate(session, alice, A, link(C))
        annotate(session, alice, B, link(C))
        document_id = annotate(session, alice, A, link(B, C))
        done = split(session, document_id=document_id, claim_ids=[claim(session, A, B)], now=LATER)
        assert (done.withdrawn, [part.document_id for part in done.parts]) == (1, [document_id])
        assert same(session, A) == hashes(A, B, C)

    def test_three_pages_part_at_once(self, session: Session, alice: User) -> None:
        annotate(session, alice, B)
        annotate(session, alice, C)
        document_id = annotate(session, alice, A, link(B, C))
        wrong = [claim(session, A, B), claim(session, A, C)]
        done = split(session, document_id=document_id, claim_ids=wrong, now=LATER)
        assert [part.uri for part in done.parts] == [B, C, A]

    def test_a_uri_that_nobody_annotated_is_forgotten(self, session: Session, alice: User) -> None:
        document_id = annotate(session, alice, A, link(B))
        done = split(session, document_id=document_id, claim_ids=[claim(session, A, B)], now=LATER)
        assert len(done.parts) == 1
        assert document_of(session, uri=B) is None

    def test_a_pages_claim_of_itself_and_claims_elsewhere_are_left_alone(self, session: Session, alice: User) -> None:
        document_id = annotate(session, alice, A)
        annotate(session, alice, B, link(C))
        own = session.scalars(select(DocumentURI.id)).all()
        assert split(session, document_id=document_id, claim_ids=own, now=LATER).withdrawn == 0
        assert same(session, B) == hashes(B, C)

    def test_annotations_without_any_claim_get_a_document_too(self, session: Session, alice: User) -> None:
        annotate(session, alice, B)
        document_id = annotate(session, alice, A, link(B))
        make_annotation(session, user=alice, document_id=document_id, target_uri=C)
        done = split(session, document_id=document_id, claim_ids=[claim(session, A, B)], now=LATER)
        assert sorted((part.uri, part.annotations) for part in done.parts) == [(A, 1), (B, 1), (C, 1)]


class TestOfOneUser:
    def test_all_claims_fall_and_those_of_others_stay(self, session: Session, alice: User, mallory: User) -> None:
        annotate(session, alice, A, link(B))
        annotate(session, alice, C)
        document_id = annotate(session, mallory, A, link(B, C))
        done = split(session, document_id=document_id, user_id=mallory.id, now=LATER)
        assert (done.withdrawn, len(done.parts)) == (2, 2)
        assert same(session, A) == hashes(A, B)
        assert not session.scalar(select(func.bool_or(WithdrawnURI.for_everyone)))

    def test_they_are_not_taken_on_again_from_this_user(self, session: Session, alice: User, mallory: User) -> None:
        annotate(session, alice, B)
        document_id = annotate(session, mallory, A, link(B))
        split(session, document_id=document_id, user_id=mallory.id, now=LATER)
        annotate(session, mallory, A, link(B))
        assert same(session, A) == hashes(A)
        annotate(session, alice, A, link(B))
        assert same(session, A) == hashes(A, B)


class TestAfterwards:
    @pytest.mark.parametrize(("page", "other"), [(A, B), (B, A)])
    def test_nobody_joins_the_two_again_in_either_direction(
        self, session: Session, alice: User, mallory: User, page: str, other: str
    ) -> None:
        annotate(session, alice, B)
        document_id = annotate(session, mallory, A, link(B))
        split(session, document_id=document_id, claim_ids=[claim(session, A, B)], now=LATER)
        assert annotate(session, alice, page, link(other, C)) != document_of(session, uri=other)
        assert same(session, page) == hashes(page, C)
        assert same(session, other) == hashes(other)


class TestWhileOthersWrite:
    def test_who_waits_for_the_document_finds_the_part(self, fresh_database: Database) -> None:
        with fresh_database.transaction() as session:
            make_world_group(session)
            user = make_user(session)
            annotate(session, user, B)
            document_id = annotate(session, user, A, link(B))
        found: list[int] = []

        def write() -> None:
            with fresh_database.transaction() as session:
                found.append(annotate(session, user, B, {"title": "New"}))

        writer = threading.Thread(target=write)
        with fresh_database.transaction() as session:
            done = split(session, document_id=document_id, claim_ids=[claim(session, A, B)], now=LATER)
            writer.start()
            writer.join(0.3)
            assert writer.is_alive()
        writer.join(10)
        [part] = [part for part in done.parts if part.uri == B]
        assert found == [part.document_id]
