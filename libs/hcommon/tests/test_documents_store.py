"""Recording claims: documents are found, made and merged."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
from hcommon import ids
from hcommon.documents import claims_of, equivalent_hashes, store
from hcommon.documents.store import ENOUGH_WITNESSES, REFRESH_AFTER
from hcommon.models import Annotation, Document, DocumentMeta, DocumentURI, User
from hcommon.testing.clock import START
from hcommon.testing.factories import make_annotation, make_user
from hcommon.uri import InvalidURIError, normalize, uri_hash
from sqlalchemy import event, func, select
from sqlalchemy.orm import Session

A, B, C = "https://a.example/", "https://b.example/", "https://c.example/"


def link(*uris: str) -> dict[str, object]:
    return {"link": [{"href": uri, "rel": "alternate"} for uri in uris]}


def canonical(uri: str) -> dict[str, object]:
    return {"link": [{"href": uri, "rel": "canonical"}]}


def hashes(*uris: str) -> frozenset[UUID]:
    return frozenset(uri_hash(normalize(uri)) for uri in uris)


@contextmanager
def statements(session: Session) -> Iterator[list[str]]:
    """Collect the statements that are sent meanwhile."""
    sent: list[str] = []

    def collect(_conn: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    connection = session.connection()
    event.listen(connection, "before_cursor_execute", collect)
    yield sent
    event.remove(connection, "before_cursor_execute", collect)


class Claimant:
    """A user who claims things."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.user = make_user(session)
        self.now = START

    def claim(self, page: str, document: dict[str, object] | None = None, *, user: User | None = None) -> int:
        self.now += timedelta(seconds=1)
        self.annotation_id = ids.new_annotation_id(now=self.now)
        return store(
            self.session,
            claims=claims_of(document or {}, claimant=page),
            user_id=(user or self.user).id,
            annotation_id=self.annotation_id,
            now=self.now,
        )

    def edges(self) -> list[DocumentURI]:
        query = select(DocumentURI).order_by(DocumentURI.id).execution_options(populate_existing=True)
        return list(self.session.scalars(query))

    def titles(self) -> list[str | None]:
        return list(self.session.scalars(select(Document.title).order_by(Document.id)))


@pytest.fixture
def claimant(session: Session) -> Claimant:
    return Claimant(session)


class TestNewDocument:
    def test_an_unknown_page_gets_a_document_with_its_claims(self, claimant: Claimant) -> None:
        document_id = claimant.claim(A, {"title": "T", **link(B)})
        [own, other] = claimant.edges()
        assert (own.document_id, own.uri, own.uri_normalized, own.type) == (
            document_id,
            A,
            "httpx://a.example",
            "self-claim",
        )
        assert (other.claimant, other.uri, other.type, other.content_type) == (A, B, "rel-alternate", "")
        assert (other.claimant_hash, other.uri_hash) == (own.uri_hash, uri_hash(normalize(B)))
        assert claimant.titles() == ["T"]

    def test_a_claim_keeps_who_made_it_when_and_with_which_annotation(self, claimant: Claimant) -> None:
        claimant.claim(A)
        [edge] = claimant.edges()
        assert (edge.user_id, edge.annotation_id) == (claimant.user.id, claimant.annotation_id)
        assert (edge.created, edge.updated) == (claimant.now, claimant.now)

    def test_pages_without_a_common_uri_are_different_documents(self, claimant: Claimant) -> None:
        assert claimant.claim(A) != claimant.claim(B)

    def test_other_spellings_of_a_uri_are_the_same_document(self, claimant: Claimant) -> None:
        assert claimant.claim("http://A.example:80/#x") == claimant.claim("https://a.example")

    def test_all_spellings_of_a_doi_join(self, claimant: Claimant) -> None:
        first = claimant.claim(A, {"highwire": {"doi": ["https://doi.org/10.1000/x"]}})
        assert claimant.claim(B, {"dc": {"identifier": ["doi:10.1000/x"]}}) == first


class TestKnownDocument:
    def test_the_same_claims_again_change_nothing(self, claimant: Claimant, session: Session) -> None:
        first = claimant.claim(A, {"title": "T", **link(B)})
        before = [(edge.id, edge.updated) for edge in claimant.edges()]
        with statements(session) as sent:
            assert claimant.claim(A, {"title": "T", **link(B)}) == first
        assert [(edge.id, edge.updated) for edge in claimant.edges()] == before
        assert len(sent) == 2
        assert not any("INSERT" in statement or "advisory" in statement for statement in sent)

    def test_after_a_day_the_same_claims_are_dated_anew(self, claimant: Claimant) -> None:
        claimant.claim(A)
        first = claimant.annotation_id
        claimant.now += REFRESH_AFTER
        claimant.claim(A)
        [edge] = claimant.edges()
        assert (edge.created, edge.updated) == (START + timedelta(seconds=1), claimant.now)
        assert edge.annotation_id == first

    def test_claims_of_different_users_stay_apart(self, claimant: Claimant, session: Session) -> None:
        other = make_user(session)
        assert claimant.claim(A) == claimant.claim(A, user=other)
        assert [edge.user_id for edge in claimant.edges()] == [claimant.user.id, other.id]

    def test_a_page_that_everybody_annotates_has_enough_witnesses(self, claimant: Claimant, session: Session) -> None:
        documents = {claimant.claim(A, user=make_user(session)) for _ in range(ENOUGH_WITNESSES + 3)}
        assert len(documents) == 1
        assert len(claimant.edges()) == ENOUGH_WITNESSES

    def test_a_page_named_by_another_one_joins_its_document(self, claimant: Claimant) -> None:
        assert claimant.claim(A, link(B)) == claimant.claim(B)

    def test_a_new_user_on_a_known_page_needs_few_statements(self, claimant: Claimant, session: Session) -> None:
        claimant.claim(A, {"title": "T", **link(B, C)})
        other = make_user(session)
        with statements(session) as sent:
            claimant.claim(A, {"title": "T", **link(B, C)}, user=other)
        assert len(sent) == 5

    @pytest.mark.parametrize("number", [0, 1, 60])
    def test_the_number_of_statements_does_not_depend_on_the_claims(
        self, claimant: Claimant, session: Session, number: int
    ) -> None:
        document = {"title": "T", **link(*(f"https://{n}.example" for n in range(number)))}
        with statements(session) as sent:
            claimant.claim(A, document)
        assert len(sent) == 4


class TestMetadata:
    def metas(self, session: Session) -> dict[tuple[str, str], list[str]]:
        query = select(DocumentMeta).execution_options(populate_existing=True)
        return {(meta.claimant, meta.type): meta.value for meta in session.scalars(query)}

    def test_the_last_claim_of_a_page_wins(self, claimant: Claimant, session: Session) -> None:
        claimant.claim(A, {"dc": {"title": ["one", "two"], "date": "d"}})
        claimant.claim(A, {"dc": {"title": 'th"ree\\'}})
        assert self.metas(session) == {(A, "dc.title"): ['th"ree\\'], (A, "dc.date"): ["d"]}

    def test_pages_of_one_document_keep_their_own(self, claimant: Claimant, session: Session) -> None:
        claimant.claim(A, {"title": "a", **link(B)})
        claimant.claim(B, {"title": "b"})
        assert self.metas(session) == {(A, "title"): ["a"], (B, "title"): ["b"]}

    def test_the_first_title_stays_the_title_of_the_document(self, claimant: Claimant) -> None:
        claimant.claim(A)
        claimant.claim(A, {"title": "first"})
        claimant.claim(A, {"title": "second"})
        assert claimant.titles() == ["first"]

    def test_new_metadata_of_known_claims_needs_no_lock(self, claimant: Claimant, session: Session) -> None:
        claimant.claim(A, {"title": "one"})
        with statements(session) as sent:
            claimant.claim(A, {"title": "two"})
        assert len(sent) == 3
        assert not any("advisory" in statement for statement in sent)


class TestMerge:
    def test_a_claim_between_two_documents_merges_into_the_oldest(self, claimant: Claimant, session: Session) -> None:
        oldest, middle, newest = claimant.claim(C), claimant.claim(A), claimant.claim(B)
        annotations = [
            make_annotation(session, user=claimant.user, document_id=document) for document in (oldest, middle, newest)
        ]
        assert claimant.claim(B, link(A, C)) == oldest
        assert session.scalar(select(func.count(Document.id))) == 1
        assert {edge.document_id for edge in claimant.edges()} == {oldest}
        for annotation in annotations:
            session.refresh(annotation)
        assert {annotation.document_id for annotation in annotations} == {oldest}

    def test_metadata_moves_with_its_document(self, claimant: Claimant, session: Session) -> None:
        first = claimant.claim(A, {"x": "1"})
        claimant.claim(B, {"x": "2"})
        claimant.claim(B, link(A))
        assert set(session.scalars(select(DocumentMeta.document_id))) == {first}

    def test_the_title_of_the_oldest_stays(self, claimant: Claimant) -> None:
        claimant.claim(A, {"title": "a"})
        claimant.claim(B, {"title": "b"})
        claimant.claim(B, {"title": "c", **link(A)})
        assert claimant.titles() == ["a"]

    def test_an_untitled_document_gets_the_title_of_the_other(self, claimant: Claimant) -> None:
        claimant.claim(A)
        claimant.claim(B, {"title": "b"})
        claimant.claim(B, {"title": "c", **link(A)})
        assert claimant.titles() == ["b"]

    def test_a_merge_raises_no_revision(self, claimant: Claimant, session: Session) -> None:
        claimant.claim(A)
        annotation = make_annotation(session, user=claimant.user, document_id=claimant.claim(B))
        claimant.claim(B, link(A))
        assert session.scalar(select(Annotation.revision).where(Annotation.id == annotation.id)) == 1

    def test_the_number_of_statements_does_not_depend_on_the_documents(
        self, claimant: Claimant, session: Session
    ) -> None:
        counts = set()
        for number in (2, 9):
            pages = [f"https://{number}-{n}.example" for n in range(number)]
            for page in pages:
                claimant.claim(page)
            with statements(session) as sent:
                claimant.claim(pages[0], link(*pages[1:]))
            counts.add(len(sent))
        assert len(counts) == 1


class TestEquivalentHashes:
    def test_an_unknown_uri_stands_for_itself(self, session: Session) -> None:
        assert equivalent_hashes(session, uris=[A]) == hashes(A)

    def test_no_uri_has_no_equivalents(self, session: Session) -> None:
        assert equivalent_hashes(session, uris=[]) == frozenset()

    def test_all_uris_of_a_document_are_found_by_any_of_them(self, claimant: Claimant, session: Session) -> None:
        claimant.claim(A, link(B))
        claimant.claim(B, link("urn:x-pdf:1"))
        claimant.claim(C)
        for asked in (A, "http://b.example", "urn:x-pdf:1"):
            assert equivalent_hashes(session, uris=[asked]) == hashes(A, B, "urn:x-pdf:1")

    def test_several_uris_give_the_union(self, claimant: Claimant, session: Session) -> None:
        claimant.claim(A, link(B))
        assert equivalent_hashes(session, uris=[A, C]) == hashes(A, B, C)

    def test_exactly_the_canonical_spelling_stands_for_itself(self, claimant: Claimant, session: Session) -> None:
        claimant.claim(A, canonical(C))
        assert equivalent_hashes(session, uris=[C]) == hashes(C)
        assert equivalent_hashes(session, uris=["https://C.example"]) == hashes(A, C)
        assert equivalent_hashes(session, uris=[A]) == hashes(A, C)

    def test_a_broken_uri_is_an_error(self, session: Session) -> None:
        with pytest.raises(InvalidURIError):
            equivalent_hashes(session, uris=["http://a.example:port"])
