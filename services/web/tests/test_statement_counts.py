"""Every list costs as many statements for 200 rows as for one, for anonymous readers and for those with a token."""

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.models import Annotation, DocumentURI, Flag, Group, GroupScope, Mention, Organization, User
from hcommon.models.annotation import ModerationStatus
from hcommon.models.group import Role
from hcommon.presentation.mention import MARK
from hcommon.search.document import read_batch
from hcommon.search.postgresql import PostgreSQLWriter
from hcommon.testing.clock import START
from hcommon.testing.database import RolledBackDatabase
from hcommon.testing.factories import (
    add_member,
    make_access_token,
    make_annotation,
    make_group,
    make_user,
    make_world_group,
)
from hcommon.uri import normalize, uri_hash
from hweb import openapi
from hweb.app import create_site
from hweb.settings import Settings
from sqlalchemy import event, select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

LMS = "lms.test"
MANY = 200
PAGE, ALIAS = "https://example.com/page", "https://example.com/alias"
PERIOD = {"gt": "2020-01-01T00:00:00Z", "lte": "2030-01-01T00:00:00Z"}
SEARCHES = [
    f"uri={PAGE}",
    f"uri={PAGE}&uri={ALIAS}&sort=created&order=asc",
    f"uri={PAGE}&any=word",
    "wildcard_uri=https://example.com/*",
    "any=word",
    "tag=t",
    "sort=id",
    "group=__world__",
    "user=author1",
    "references={root}",
]
EXPAND = "expand=organization&expand=scopes"
MOST = 6
"""Statements of any list, with those that find out who asks."""
LISTS = {
    "search",
    "groups_read",
    "profile_read",
    "profile_update",
    "profile_groups_read",
    "group_members_read",
    "group_annotations_read",
    "bulk_annotation",
    "bulk_group",
    "bulk_lms_annotations",
    "bulk_checkpoint",
    "bulk_checkpoint_reveal",
    "bulk_action",  # in bulk/test_action.py
}
"""Every operation that answers with a list, each of which is asked for below."""

Headers = dict[str, str]
Count = Callable[..., tuple[Any, int]]
"""Sends a request; returns its answer and how many statements it took."""


class Crowd:
    """Annotations of several people in groups of every kind, of several documents, with all that answers show."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.world = make_world_group(session)
        self.reader = make_user(session, username="reader", display_name="Reader")
        self.authors = [make_user(session, username=f"author{number}") for number in range(10)]
        self.groups = [self.world, *[self.group(kind) for kind in ("private", "open", "restricted")]]
        self.documents = [self.document(number) for number in range(5)]
        self.root = self.annotation(1, group=self.world, moderation_status="APPROVED")
        self.annotation(1, group=self.world, moderation_status="APPROVED")
        self.root_id = annotation_id_to_urlsafe(self.root.id)
        self.reply(1)
        self.reply(1)
        self.headers = {"Authorization": f"Bearer {make_access_token(session, user=self.reader)}"}

    def group(self, kind: str) -> Group:
        """Insert one that the reader moderates, and whose members the authors are."""
        group = make_group(self.session, kind=kind)
        add_member(self.session, group=group, user=self.reader, role=Role.MODERATOR)
        for user in self.authors:
            add_member(self.session, group=group, user=user)
        return group

    def document(self, number: int) -> int:
        """Insert one that is both pages, by claims of its own; return its key."""
        document_id = make_annotation(
            self.session, user=self.authors[number], target_uri=f"{PAGE}/{number}"
        ).document_id
        for uri in (PAGE, ALIAS):
            normalized = normalize(uri)
            hashed = uri_hash(normalized)
            claim = {"claimant": uri, "claimant_hash": hashed, "uri": uri, "uri_normalized": normalized}
            dates = {"created": START, "updated": START}
            self.session.add(
                DocumentURI(
                    document_id=document_id,
                    uri_hash=hashed,
                    type="self-claim",
                    content_type="",
                    user_id=self.authors[number].id,
                    annotation_id=uuid4(),
                    **claim,
                    **dates,
                )
            )
        return document_id

    def annotation(self, number: int, *, group: Group, **columns: Any) -> Annotation:
        """Insert one that is flagged and judged, and mentions somebody."""
        statuses = list(ModerationStatus)
        made = make_annotation(
            self.session,
            user=self.authors[number % 10],
            group=group,
            target_uri=(PAGE, ALIAS)[number % 2],
            document_id=self.documents[number % 5],
            text=f'word <a {MARK} data-userid="acct:reader@example.org">@reader</a>',
            tags=["t"],
            extra={"own": 1},
            selectors=[{"type": "TextQuoteSelector", "exact": "quoted"}],
            **({"moderation_status": statuses[number % len(statuses)].value} | columns),
        )
        for user in (self.reader, self.authors[0]):
            self.session.add(Flag(annotation_id=made.id, user_id=user.id, created=START))
            self.session.add(Mention(annotation_id=made.id, user_id=user.id, username=user.username, created=START))
        return made

    def reply(self, number: int) -> None:
        """Insert a reply that anybody sees."""
        self.annotation(number, group=self.world, moderation_status="APPROVED", references=[self.root.id])

    def grow(self) -> None:
        """Insert more than one list shows, whatever it is that it asks for."""
        for number in range(MANY):
            if number % 4 == 0:
                self.annotation(number // 4, group=self.groups[number // 4 % 4])
            self.annotation(1, group=self.world, moderation_status="APPROVED")
            self.reply(number)


def add_scope(session: Session, group: Group) -> None:
    session.add(GroupScope(group_id=group.id, origin="https://example.com", path=""))
    session.flush()


@pytest.fixture
def statements(session: Session) -> list[str]:
    """What was sent to the database so far."""
    sent: list[str] = []
    event.listen(session.connection(), "before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    return sent


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Nothing is answered from memory."""
    return settings.model_copy(update={"page_cache_mb": 0})


@pytest.fixture
def count(client: TestClient, session: Session, statements: list[str]) -> Count:

    def count(method: str, path: str, **arguments: Any) -> tuple[Any, int]:
        session.flush()
        session.expunge_all()
        statements.clear()
        answer = client.request(method, path, **arguments)
        assert answer.status_code == 200, answer.text
        return answer, len(statements)

    return count


def index(database: RolledBackDatabase) -> None:
    with database.read() as connection:
        batch = read_batch(connection, list(connection.execute(select(Annotation.id)).scalars()))
    PostgreSQLWriter(database).write(batch)


@pytest.fixture
def lms(basic_auth: Callable[..., Headers]) -> Headers:
    return basic_auth(LMS, capabilities=["bulk"])


@pytest.fixture
def crowd(session: Session) -> Crowd:
    return Crowd(session)


class TestAnnotations:
    def test_searches(self, crowd: Crowd, count: Count, rolled_back: RolledBackDatabase) -> None:
        asked = [
            (f"/api/search?{query.format(root=crowd.root_id)}&_separate_replies={separate}", headers)
            for query in SEARCHES
            for separate in ((0,) if query.startswith("references") else (0, 1))
            for headers in ({}, crowd.headers)
        ]
        counts = {}
        for limit in (1, MANY):
            if limit == MANY:
                crowd.grow()
            index(rolled_back)
            counts[limit] = []
            for path, headers in asked:
                answer, number = count("GET", f"{path}&limit={limit}", headers=headers)
                assert len(answer.json()["rows"]) == limit, path
                counts[limit].append(number)
        assert counts[1] == counts[MANY]
        assert max(counts[1]) <= MOST

    def test_feeds_and_badges(self, crowd: Crowd, count: Count) -> None:
        paths = ["/stream.atom?", "/stream.rss?", f"/stream.atom?uri={PAGE}&", f"/api/badge?uri={PAGE}&"]
        counts = {}
        for limit in (1, MANY):
            if limit == MANY:
                crowd.grow()
            answers = [count("GET", f"{path}limit={limit}") for path in paths]
            shown = [answer.text.count("<published>") + answer.text.count("<item>") for answer, _ in answers]
            assert shown == [limit, limit, limit, 0]
            counts[limit] = [number for _, number in answers]
        assert counts[1] == counts[MANY]
        assert max(counts[1]) <= MOST

    def test_moderators_queues(self, crowd: Crowd, count: Count) -> None:
        path = f"/api/groups/{crowd.groups[1].pubid}/annotations?page[size]=100"
        paths = [path, f"{path}&moderation_status=DENIED"]
        for number in range(4):
            crowd.annotation(number, group=crowd.groups[1])
        few = [count("GET", path, headers=crowd.headers)[1] for path in paths]
        for number in range(MANY):
            crowd.annotation(number, group=crowd.groups[1])
        many = [count("GET", path, headers=crowd.headers) for path in paths]
        assert [len(answer.json()["data"]) for answer, _ in many] == [100, MANY // 4 + 1]
        assert [number for _, number in many] == few
        assert max(few) <= MOST


class TestGroups:
    def test_lists_and_profiles(self, session: Session, count: Count) -> None:
        make_world_group(session)
        user = make_user(session)
        headers = {"Authorization": f"Bearer {make_access_token(session, user=user)}"}
        paths = ["/api/groups", f"/api/groups?document_uri={PAGE}&{EXPAND}", "/api/profile/groups"]
        asked = [
            (path, whose)
            for path in [*paths, f"/api/profile/groups?{EXPAND}", "/api/profile"]
            for whose in (headers, {})
        ]
        counts = []
        for number in (1, MANY):
            for kind in ["private", "open"] * number:
                self.insert(session, user, kind=kind)
            counts.append([count("GET", path, headers=whose)[1] for path, whose in asked])
            counts[-1].append(count("PATCH", "/api/profile", json={"preferences": {}}, headers=headers)[1])
        assert counts[0] == counts[1]
        assert max(counts[0]) <= MOST

    def insert(self, session: Session, user: User, *, kind: str) -> None:
        """Insert one that has all that a list may show."""
        name = uuid4().hex[:10]
        organization = Organization(pubid=name, name=name, authority="example.org", created=START, updated=START)
        session.add(organization)
        session.flush()
        group = make_group(session, kind=kind, organization_id=organization.id)
        add_member(session, group=group, user=user)
        add_scope(session, group)

    def test_members(self, session: Session, count: Count, sign_in: Callable[[int], None]) -> None:
        group, user = make_group(session), make_user(session)
        add_member(session, group=group, user=user, role=Role.OWNER)
        headers = {"Authorization": f"Bearer {make_access_token(session, user=user)}"}
        sign_in(user.id)
        path = f"/api/groups/{group.pubid}/members"
        asked = [(path, headers), (f"{path}?page[number]=1&page[size]=100", headers)]
        asked.append((f"/groups/{group.pubid}/edit/members", {}))
        few = [count("GET", path, headers=whose)[1] for path, whose in asked]
        for _ in range(MANY):
            add_member(session, group=group, user=make_user(session))
        many = [count("GET", path, headers=whose) for path, whose in asked]
        assert [len(many[0][0].json()), len(many[1][0].json()["data"])] == [MANY + 1, 100]
        assert [number for _, number in many] == few
        assert max(few) <= MOST


class TestApplications:
    def test_listings(self, session: Session, count: Count, lms: Headers) -> None:
        people = [make_user(session, authority=LMS) for _ in range(MANY)]
        groups = [make_group(session, authority=LMS, authority_provided_id=f"g{number}") for number in range(MANY)]
        for group in groups:
            add_member(session, group=group, user=people[0])
        names = {"groups": [f"g{number}" for number in range(MANY)]}
        user = people[0].username
        asked = [
            ("annotation", {"filter": {"username": user, "created": PERIOD, "limit": 1_000}}),
            ("group", {"filter": names | {"annotations_created": PERIOD}}),
            *[("lms/annotations", {"group_by": by, "filter": names}) for by in ("user", "assignment")],
        ]
        counts = []
        for start, stop in ((0, 1), (1, MANY)):
            for number in range(start, stop):
                metadata = f'{{"lms":{{"assignment":{{"resource_link_id":"a{number}"}}}}}}'
                given = {"text": "x", "client_metadata": metadata}
                make_annotation(session, user=people[number], group=groups[number], **given)
            answers = [count("POST", f"/api/bulk/{path}", json=body, headers=lms) for path, body in asked]
            listed = [
                len(a.text.splitlines() if "ndjson" in a.headers["content-type"] else a.json()) for a, _ in answers
            ]
            assert listed == [stop] * 4
            counts.append([number for _, number in answers])
        assert counts[0] == counts[1]
        assert max(counts[0]) <= MOST

    def test_checkpoints(self, session: Session, count: Count, lms: Headers) -> None:
        teacher, student = make_user(session, authority=LMS), make_user(session, authority=LMS)
        places = []
        for number in range(101):
            group = make_group(session, authority=LMS, authority_provided_id=f"g{number}")
            for user in (teacher, student):
                add_member(session, group=group, user=user)
            make_annotation(session, user=student, group=group, target_uri=PAGE)
            places.append({"group_authority_provided_id": f"g{number}", "document_uri": PAGE})
        counts = []
        for some in (places[:1], places[1:]):
            body = {"checkpoints": some, "user": {"username": teacher.username, "role": "instructor"}}
            for path in ("", "", "/reveal", "/reveal"):
                answer, number = count("POST", f"/api/bulk/checkpoint{path}", json=body, headers=lms)
                assert len(answer.json()) == len(some)
                counts.append(number)
        assert counts[:4] == counts[4:]


class TestLists:
    def test_all_of_them_are_counted(self) -> None:
        document = create_site().openapi()

        def is_list(schema: dict[str, Any]) -> bool:
            name = schema.get("$ref", "").rpartition("/")[2]
            found = document["components"]["schemas"][name] if name else schema
            parts = [found, *found.get("anyOf", ())]
            parts += [value for key, value in found.get("properties", {}).items() if key in {"rows", "data", "groups"}]
            return any(part.get("type") == "array" for part in parts)

        lists = {
            operation["operationId"]
            for methods in document["paths"].values()
            for operation in methods.values()
            for media, content in operation["responses"].get("200", {}).get("content", {}).items()
            if media == openapi.NDJSON_TYPE or is_list(content["schema"])
        }
        assert lists == LISTS
