"""Answers from memory: always those that a fresh read would give, to the reader who asks."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hcommon.auth import ANONYMOUS
from hcommon.documents.revisions import PageRevision
from hcommon.models import (
    Annotation,
    Document,
    DocumentURI,
    Flag,
    GroupMembership,
    Mention,
    Token,
)
from hcommon.models.annotation import ModerationStatus
from hcommon.models.group import LMSRole, ReadableBy, Role
from hcommon.presentation.mention import MARK
from hcommon.testing.clock import START
from hcommon.testing.examples import examples
from hcommon.testing.factories import (
    add_member,
    make_access_token,
    make_annotation,
    make_group,
    make_user,
    make_world_group,
)
from hcommon.uri import normalize, uri_hash
from hweb.app import create_app
from hweb.pagecache.store import PageCache, Question, reader_of
from hweb.resources import Resources
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, event, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

PAGE, OTHER, ALIAS = "https://example.com/page", "https://example.com/other", "https://example.com/alias"
READS = [
    f"/api/search?uri={PAGE}",
    f"/api/search?uri={PAGE}&limit=2&sort=created&order=asc&_separate_replies=true",
    f"/api/search?uri={OTHER}&uri={ALIAS}",
    f"/api/badge?uri={PAGE}",
    f"/api/badge?uri={ALIAS}",
]


class World:
    """Three pages, three users and two groups beside the public one; `change` changes something at random."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.users = [make_user(session) for _ in range(3)]
        self.tokens = [make_access_token(session, user=user) for user in self.users]
        public = make_world_group(session)
        self.groups = [public, make_group(session), make_group(session, kind="restricted")]
        self.roles = [add_member(session, group=group, user=self.users[0]) for group in self.groups[1:]]
        self.documents = [self.document(uri) for uri in (PAGE, OTHER)]
        self.annotations = [self.annotation(number, PAGE) for number in range(3)]
        self.annotations.append(self.annotation(1, OTHER, references=[self.annotations[0].id]))
        self.annotations[0].text = f"<a {MARK}>@somebody</a>"
        session.add(
            Mention(annotation_id=self.annotations[0].id, user_id=self.users[2].id, username="x", created=START)
        )
        session.flush()

    def document(self, uri: str) -> Document:
        document = Document(created=START, updated=START)
        self.session.add(document)
        self.session.flush()
        self.claim(document, uri)
        return document

    def claim(self, document: Document, uri: str) -> DocumentURI:
        claim = DocumentURI(
            document_id=document.id,
            claimant=uri,
            claimant_hash=uri_hash(normalize(uri)),
            uri=uri,
            uri_normalized=normalize(uri),
            uri_hash=uri_hash(normalize(uri)),
            type="self-claim",
            content_type="",
            user_id=None,
            annotation_id=self.annotations[0].id if hasattr(self, "annotations") else uri_hash(uri),
            created=START,
            updated=START,
        )
        self.session.add(claim)
        self.session.flush()
        return claim

    def annotation(self, number: int, uri: str, **columns: Any) -> Annotation:
        document = self.documents[0 if uri == PAGE else 1]
        user, group = self.users[number % 3], self.groups[number % 3]
        return make_annotation(self.session, user=user, group=group, target_uri=uri, document_id=document.id, **columns)

    def change(self, what: str, number: int) -> None:
        """Change one thing; each way of changing is a method of this name."""
        getattr(self, what)(number)
        self.session.flush()

    def add(self, number: int) -> None:
        self.annotations.append(self.annotation(number, PAGE if number % 2 else OTHER))

    def reply(self, number: int) -> None:
        parent = self.annotations[number % len(self.annotations)]
        self.annotations.append(self.annotation(number + 1, OTHER, references=[parent.id]))

    def edit(self, number: int) -> None:
        self.annotations[number % len(self.annotations)].text += "!"

    def share(self, number: int) -> None:
        annotation = self.annotations[number % len(self.annotations)]
        annotation.shared = not annotation.shared

    def remove(self, number: int) -> None:
        annotation = self.annotations[number % len(self.annotations)]
        annotation.deleted = not annotation.deleted

    def purge(self, number: int) -> None:
        if len(self.annotations) > 2:
            self.session.delete(self.annotations.pop(number % len(self.annotations)))

    def move(self, number: int) -> None:
        annotation = self.annotations[number % len(self.annotations)]
        target = OTHER if annotation.target_uri == PAGE else PAGE
        annotation.target_uri = target
        annotation.target_uri_normalized = normalize(target)
        annotation.target_uri_hash = uri_hash(normalize(target))
        annotation.document_id = self.documents[0 if target == PAGE else 1].id

    def moderate(self, number: int) -> None:
        statuses = [None, *ModerationStatus]
        self.annotations[number % len(self.annotations)].moderation_status = statuses[number % len(statuses)]

    def flag(self, number: int) -> None:
        annotation, user = self.annotations[number % len(self.annotations)], self.users[number % 3]
        mine = (Flag.annotation_id == annotation.id, Flag.user_id == user.id)
        if self.session.scalar(select(Flag.id).where(*mine)):
            self.session.execute(delete(Flag).where(*mine))
        else:
            self.session.add(Flag(annotation_id=annotation.id, user_id=user.id, created=START))

    def ban(self, number: int) -> None:
        user = self.users[number % 3]
        user.nipsa = not user.nipsa

    def rename(self, number: int) -> None:
        self.users[number % 3].display_name = f"Name {number}"
        self.users[number % 2 + 1].description = f"About {number}"

    def open(self, number: int) -> None:
        group = self.groups[1 + number % 2]
        group.readable_by = ReadableBy.MEMBERS if group.readable_by == ReadableBy.WORLD else ReadableBy.WORLD

    def join(self, number: int) -> None:
        group, user = self.groups[1 + number % 2], self.users[number % 3]
        found = self.session.scalar(
            select(GroupMembership).where(GroupMembership.group_id == group.id, GroupMembership.user_id == user.id)
        )
        if found is None:
            add_member(self.session, group=group, user=user, role=list(Role)[number % len(Role)])
        else:
            self.session.delete(found)

    def promote(self, number: int) -> None:
        found = self.session.scalars(select(GroupMembership).order_by(GroupMembership.id)).all()
        if found:
            found[number % len(found)].role = list(Role)[number % len(Role)]

    def instruct(self, number: int) -> None:
        found = self.session.scalars(select(GroupMembership).order_by(GroupMembership.id)).all()
        if found:
            chosen = found[number % len(found)]
            chosen.lms_role = None if chosen.lms_role else LMSRole.INSTRUCTOR

    def seal(self, number: int) -> None:
        annotation = self.annotations[number % len(self.annotations)]
        annotation.sealed = not annotation.sealed
        annotation.revealed_to_id = self.users[number % 3].id if number % 2 else None

    def entitle(self, number: int) -> None:
        self.documents[number % 2].title = f"Title {number}"

    def alias(self, number: int) -> None:
        found = self.session.scalar(select(DocumentURI).where(DocumentURI.uri == ALIAS))
        if found is None:
            self.claim(self.documents[number % 2], ALIAS)
        elif number % 3:
            found.document_id = self.documents[number % 2].id
        else:
            self.session.delete(found)

    def withdraw(self, number: int) -> None:
        uri = (PAGE, OTHER)[number % 2]
        found = self.session.scalar(select(DocumentURI).where(DocumentURI.uri == uri))
        if found is None:
            self.claim(self.documents[number % 2], uri)
        else:
            self.session.delete(found)

    def revoke(self, number: int) -> None:
        self.session.execute(delete(Token))
        self.tokens = [make_access_token(self.session, user=user) for user in self.users]


CHANGES = [
    "add", "reply", "edit", "share", "remove", "purge", "move", "moderate", "flag", "ban", "rename", "open", "join",
    "promote", "entitle", "instruct", "seal", "alias", "withdraw", "revoke",
]  # fmt: skip


@pytest.fixture
def uncached(resources: Resources) -> TestClient:
    """The same application, keeping nothing."""
    held = replace(resources, settings=resources.settings.model_copy(update={"page_cache_mb": 0}))
    return TestClient(create_app(held), base_url="http://example.org")


class TestPageCache:
    @settings(max_examples=examples(20), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(changes=st.lists(st.tuples(st.sampled_from(CHANGES), st.integers(0, 30)), min_size=1, max_size=4))
    def test_every_reader_is_told_what_a_fresh_read_says_whatever_has_changed(
        self, changes: list[tuple[str, int]], session: Session, client: TestClient, uncached: TestClient
    ) -> None:
        with session.begin_nested() as before:
            world = World(session)
            for what, number in changes:
                world.change(what, number)
                for token in (None, *world.tokens):
                    who = {"Authorization": f"Bearer {token}"} if token else {}
                    for read in READS:
                        fresh = uncached.get(read, headers=who)
                        assert fresh.status_code == 200
                        first, again = client.get(read, headers=who), client.get(read, headers=who)
                        assert first.content == again.content == fresh.content, (read, what)
                        assert first.headers["etag"] == again.headers["etag"] == fresh.headers["etag"]
            before.rollback()

    def test_an_answer_from_memory_looks_like_one_that_was_read(self, session: Session, client: TestClient) -> None:
        World(session)
        read = client.get(READS[0])
        statements: list[str] = []
        event.listen(session.connection(), "before_cursor_execute", lambda *arguments: statements.append(arguments[2]))
        kept = client.get(READS[0])
        assert len(statements) == 1  # the revision
        assert {**read.headers, "x-request-id": ""} == {**kept.headers, "x-request-id": ""}

    def test_it_is_not_sent_again_to_a_client_that_has_it(self, session: Session, client: TestClient) -> None:
        World(session)
        client.get(READS[0])
        etag = client.get(READS[0]).headers["etag"]
        answer = client.get(READS[0], headers={"If-None-Match": etag})
        assert (answer.status_code, answer.content) == (304, b"")

    def test_head_has_no_body(self, session: Session, client: TestClient) -> None:
        World(session)
        length = len(client.get(READS[0]).content)
        answer = client.head(READS[0])
        assert (answer.content, answer.headers["content-length"]) == (b"", str(length))

    def test_an_unknown_version_of_the_api_is_refused_though_the_answer_is_there(
        self, session: Session, client: TestClient
    ) -> None:
        World(session)
        client.get(READS[0])
        assert client.get(READS[0], headers={"Accept": "text/html"}).status_code == 406

    def test_the_badge_of_somebody_signed_in_counts_what_is_theirs(
        self, session: Session, client: TestClient, sign_in: Callable[[int], None]
    ) -> None:
        user = make_user(session)
        make_annotation(session, user=user, target_uri=PAGE, shared=False)
        assert client.get(f"/api/badge?uri={PAGE}").json() == {"total": 0}
        sign_in(user.id)
        assert client.get(f"/api/badge?uri={PAGE}").json() == {"total": 1}


QUESTION = Question("/api/search", b"uri=x")
READER = reader_of(ANONYMOUS)
REVISIONS = {uri_hash("x"): PageRevision(1, 1, 0)}


class TestMemory:
    def test_the_answer_that_was_not_used_for_longest_goes_first(self) -> None:
        cache = PageCache(max_bytes=40_000)
        questions = [Question("/api/search", str(number).encode()) for number in range(20)]
        for question in questions:
            cache.keep(question, READER, REVISIONS, b"x" * 4_000)
        found = [cache.find(question, READER, REVISIONS) for question in questions]
        assert [answer is not None for answer in found] == [False] * 12 + [True] * 8

    @pytest.mark.parametrize(("max_bytes", "body"), [(0, b"{}"), (80_000, b"x" * 10_001)])
    def test_what_does_not_fit_is_not_kept(self, max_bytes: int, body: bytes) -> None:
        cache = PageCache(max_bytes=max_bytes)
        cache.keep(QUESTION, READER, REVISIONS, body)
        assert cache.find(QUESTION, READER, REVISIONS) is None
