"""Which annotations a search's filters let through."""

from typing import Any
from uuid import UUID

import pytest
from hcommon.auth import principal_of_user
from hcommon.models import Annotation, Document, DocumentURI
from hcommon.search.query import UserTerm
from hcommon.testing.clock import START
from hcommon.testing.factories import make_annotation, make_group, make_user
from hcommon.uri import normalize, parse_versioned, parse_wildcard, uri_hash
from sqlalchemy.orm import Session

PAGE = "https://example.com/page"
PRINT = "https://example.com/print?page=1"


def ids(*annotations: Annotation) -> tuple[UUID, ...]:
    return tuple(annotation.id for annotation in annotations)


def claim(session: Session, document: Document, claimant: str, uri: str, kind: str = "") -> None:
    session.add(
        DocumentURI(
            document_id=document.id,
            claimant=claimant,
            claimant_hash=uri_hash(normalize(claimant)),
            uri=uri,
            uri_normalized=normalize(uri),
            uri_hash=uri_hash(normalize(uri)),
            type=kind,
            content_type="",
            annotation_id=UUID(int=1),
            created=START,
            updated=START,
        )
    )
    session.flush()


def make_document(session: Session) -> Document:
    document = Document(created=START, updated=START)
    session.add(document)
    session.flush()
    return document


class TestURIs:
    def test_a_page_is_found_in_every_spelling(self, session: Session, search: Any) -> None:
        found = make_annotation(session, user=make_user(session), target_uri=PAGE)
        make_annotation(session, user=make_user(session), target_uri="https://example.com/other")
        for spelling in (PAGE, "http://EXAMPLE.com/page/", f"{PAGE}?utm_source=x#part"):
            assert search(uris=(parse_versioned(spelling),)).ids == ids(found)

    def test_any_of_several_pages(self, session: Session, search: Any) -> None:
        user = make_user(session)
        one, two = (make_annotation(session, user=user, target_uri=f"https://example.com/{name}") for name in "ab")
        uris = tuple(parse_versioned(f"https://example.com/{name}") for name in "abc")
        assert search(uris=uris).ids == ids(one, two)

    def test_a_page_that_nobody_annotated_has_nothing(self, session: Session, search: Any) -> None:
        make_annotation(session, user=make_user(session), target_uri=PAGE)
        assert search(uris=(parse_versioned("https://example.com/unknown"),)).total == 0

    def test_all_uris_of_a_document_are_one_page(self, session: Session, search: Any) -> None:
        user, document = make_user(session), make_document(session)
        for uri in (PAGE, PRINT, "doi:10.1234/x"):
            claim(session, document, PAGE, uri)
        one = make_annotation(session, user=user, target_uri=PAGE, document_id=document.id)
        two = make_annotation(session, user=user, target_uri=PRINT, document_id=document.id)
        for uri in (PAGE, PRINT, "doi:10.1234/x"):
            assert search(uris=(parse_versioned(uri),)).ids == ids(one, two)

    def test_an_annotation_whose_claims_were_withdrawn_is_found_by_its_own_uri(
        self, session: Session, search: Any
    ) -> None:
        document = make_document(session)
        claim(session, document, PAGE, PRINT)
        found = make_annotation(session, user=make_user(session), target_uri=PAGE, document_id=document.id)
        assert search(uris=(parse_versioned(PAGE),)).ids == ids(found)

    def test_the_exact_canonical_uri_stands_for_itself_alone(self, session: Session, search: Any) -> None:
        user, document = make_user(session), make_document(session)
        canonical = "https://example.com/canonical"
        claim(session, document, PAGE, PAGE, "self-claim")
        claim(session, document, PAGE, canonical, "rel-canonical")
        on_page = make_annotation(session, user=user, target_uri=PAGE, document_id=document.id)
        assert search(uris=(parse_versioned(canonical),)).total == 0
        assert search(uris=(parse_versioned(f"{canonical}/"),)).ids == ids(on_page)
        assert search(uris=(parse_versioned(canonical), parse_versioned(PAGE))).ids == ids(on_page)
        on_canonical = make_annotation(session, user=user, target_uri=canonical, document_id=document.id)
        assert search(uris=(parse_versioned(canonical),)).ids == ids(on_canonical)
        assert search(uris=(parse_versioned(PAGE),)).ids == ids(on_page, on_canonical)


class TestVersions:
    @pytest.mark.parametrize(
        ("suffix", "versions"),
        [
            ("", [None]),
            (":v0", [None]),
            (":v1", [1]),
            (":v1:v2", [1, 2]),
            (":v0:v2", [None, 2]),
            (":all", [None, 1, 2]),
            (":v3", []),
        ],
    )
    def test_suffixes_choose(self, session: Session, search: Any, suffix: str, versions: list[int | None]) -> None:
        user = make_user(session)
        made = {
            version: make_annotation(session, user=user, target_uri=PAGE, document_version=version)
            for version in (None, 1, 2)
        }
        found = search(uris=(parse_versioned(PAGE + suffix),))
        assert found.ids == tuple(made[version].id for version in versions)
        assert found.total == len(versions)

    def test_uris_may_ask_for_different_versions(self, session: Session, search: Any) -> None:
        user = make_user(session)
        one = make_annotation(session, user=user, target_uri=PAGE, document_version=1)
        make_annotation(session, user=user, target_uri=PAGE)
        two = make_annotation(session, user=user, target_uri=PRINT)
        three = make_annotation(session, user=user, target_uri="https://example.com/3", document_version=3)
        uris = (f"{PAGE}:v1", PRINT, "https://example.com/3:all")
        assert search(uris=tuple(map(parse_versioned, uris))).ids == ids(one, two, three)


class TestWildcards:
    URIS = (
        "https://example.com/a",
        "https://example.com/a/1",
        "https://example.com/a/22",
        "https://example.com/b_c",
        "https://example.com/b%25d",
        "https://example.com/a?q=1",
        "urn:a*b\\c",
    )

    @pytest.mark.parametrize(
        "pattern",
        [
            "https://example.com/a/*",
            "https://example.com/a/_",
            "https://example.com/a/__",
            "https://example.com/*",
            "https://example.com/b_c",
            "https://example.com/b%25*",
            "https://example.com/%*",
            "https://example.com/*2*",
            "https://example.org/*",
            "urn:a*\\c",
            "urn:a*",
        ],
    )
    def test_they_find_what_they_match(self, session: Session, search: Any, pattern: str) -> None:
        user = make_user(session)
        made = [make_annotation(session, user=user, target_uri=uri) for uri in self.URIS]
        wildcard = parse_wildcard(pattern)
        expected = [annotation for annotation in made if wildcard.matches(annotation.target_uri_normalized)]
        assert search(wildcard_uris=(wildcard,)).ids == ids(*expected)

    def test_they_are_added_to_uris(self, session: Session, search: Any) -> None:
        user = make_user(session)
        one, two, three = (
            make_annotation(session, user=user, target_uri=f"https://example.com/{name}")
            for name in ("a", "b/1", "c/1")
        )
        make_annotation(session, user=user, target_uri="https://example.com/d")
        found = search(
            uris=(parse_versioned("https://example.com/a"),),
            wildcard_uris=(parse_wildcard("https://example.com/b/*"), parse_wildcard("https://example.com/c/*")),
        )
        assert found.ids == ids(one, two, three)

    def test_a_beginning_longer_than_the_index_is_compared_to_its_end(self, session: Session, search: Any) -> None:
        user = make_user(session)
        stem = "https://example.com/" + "a" * 600
        found = make_annotation(session, user=user, target_uri=f"{stem}/1")
        make_annotation(session, user=user, target_uri=f"{stem}b/1")
        assert search(wildcard_uris=(parse_wildcard(f"{stem}/*"),)).ids == ids(found)


class TestGroupsAndUsers:
    def test_a_group_by_its_id_or_its_groupid(self, session: Session, search: Any) -> None:
        user = make_user(session)
        one, two = make_group(session, kind="open"), make_group(session, kind="open", authority_provided_id="own")
        in_one = make_annotation(session, user=user, group=one)
        in_two = make_annotation(session, user=user, group=two)
        make_annotation(session, user=user)
        groupid = f"group:own@{two.authority}"
        assert search(groups=(one.pubid,)).ids == ids(in_one)
        assert search(groups=(groupid,)).ids == ids(in_two)
        assert search(groups=(one.pubid, groupid)).ids == ids(in_one, in_two)
        assert search(groups=(one.pubid, two.pubid)).ids == ids(in_one, in_two)

    def test_unknown_and_unreadable_groups_have_nothing(self, session: Session, search: Any) -> None:
        private = make_group(session)
        make_annotation(session, user=make_user(session), group=private)
        public = make_annotation(session, user=make_user(session))
        for groups in (("nowhere",), (private.pubid,), ("nowhere", private.pubid), ("group:x@example.org",)):
            found = search(groups=groups)
            assert (found.ids, found.total) == ((), 0)
        assert search(groups=("nowhere", "__world__")).ids == ids(public)

    def test_ones_own_in_a_group_that_one_cannot_read_any_more_are_not_found_under_it(
        self, session: Session, search: Any
    ) -> None:
        user, left = make_user(session), make_group(session)
        deleted = make_group(session, kind="open", deleted=True)
        made = [make_annotation(session, user=user, group=group) for group in (left, deleted)]
        session.flush()
        principal = principal_of_user(session, user.id)
        for groups in ((left.pubid,), (deleted.pubid,), (left.pubid, deleted.pubid)):
            assert search(principal=principal, groups=groups).ids == ()
        assert search(principal=principal).ids == ids(*made)

    def test_a_user_with_and_without_authority(self, session: Session, search: Any) -> None:
        here = make_annotation(session, user=make_user(session, username="Jane.Doe"))
        there = make_annotation(session, user=make_user(session, username="janedoe", authority="lms.example"))
        other = make_annotation(session, user=make_user(session, username="other"))
        assert search(users=(UserTerm("janedoe"),)).ids == ids(here, there)
        assert search(users=(UserTerm("janedoe", "example.org"),)).ids == ids(here)
        assert search(users=(UserTerm("janedoe", "lms.example"), UserTerm("other"))).ids == ids(there, other)
        assert search(users=(UserTerm("janedoe", "lms.example"), UserTerm("other", "example.org"))).ids == ids(
            there, other
        )
        assert search(users=(UserTerm("nobody"),)).ids == ()
        assert search(users=(UserTerm("janedoe", "nowhere.example"),)).ids == ()


class TestThreads:
    def test_replies_by_all_their_ancestors(self, session: Session, search: Any) -> None:
        user = make_user(session)
        root = make_annotation(session, user=user)
        reply = make_annotation(session, user=user, references=[root.id])
        second = make_annotation(session, user=user, references=[root.id, reply.id])
        assert search(references=(root.id,)).ids == ids(reply, second)
        assert search(references=(root.id, reply.id)).ids == ids(second)
        assert search(references=(second.id,)).ids == ()

    def test_replies_are_left_out_on_request(self, session: Session, search: Any) -> None:
        user = make_user(session)
        root = make_annotation(session, user=user)
        make_annotation(session, user=user, references=[root.id])
        assert search(top_level_only=True).ids == ids(root)


class TestUnmatchable:
    def test_it_matches_nothing(self, session: Session, search: Any) -> None:
        make_annotation(session, user=make_user(session))
        found = search(unmatchable=True)
        assert (found.ids, found.total) == ((), 0)


class TestDeletedAnnotations:
    def test_they_are_found_by_nobody(self, session: Session, search: Any) -> None:
        make_annotation(session, user=make_user(session), target_uri=PAGE, deleted=True)
        assert search(uris=(parse_versioned(PAGE),)).total == 0
