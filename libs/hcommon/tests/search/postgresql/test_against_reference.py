"""Random searches of random annotations find exactly what the plain reference finds."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from hcommon.auth import ANONYMOUS, Principal, principal_of_user
from hcommon.authz import AnnotationFacts
from hcommon.ids import normalize_username
from hcommon.models import Annotation, Group, User
from hcommon.models.annotation import ModerationStatus
from hcommon.models.group import ReadableBy, Role
from hcommon.search.document import read_batch
from hcommon.search.postgresql import PostgreSQLBackend, PostgreSQLWriter
from hcommon.search.query import Cursor, SearchQuery, SortKey, UserTerm
from hcommon.testing import search_reference as reference
from hcommon.testing.clock import START
from hcommon.testing.database import RolledBackDatabase
from hcommon.testing.examples import examples
from hcommon.testing.factories import add_member, make_annotation, make_group, make_user, make_world_group
from hcommon.testing.search_reference import Row
from hcommon.uri import parse_versioned
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

WORDS = ["sea", "Sea", "seal", "été", "l'eau", "co-op", "日本語", "本", "x1", "☂", "!!", "example", "a.b", "_it_"]
URIS = [
    "https://example.com/sea",
    "https://example.com/sea/x1?q=%C3%A9t%C3%A9",
    "https://seal.example/co-op",
    "urn:日本語",
]
SUFFIXES = ["", ":v1", ":all", ":v0:v2"]
USERNAMES = ["Ann.one", "bobtwo", "Cidxx"]
GROUPS = ["__world__", "privat1x", "openxx1x"]

phrases = st.lists(st.sampled_from(WORDS), max_size=4).map(" ".join)
values = st.lists(phrases, max_size=2).map(tuple)
simple_queries = st.lists(
    st.sampled_from([*WORDS, "-", "|", "+", "(", ")", '"', "sea*", "ex*", "日本*", "-sea", '"sea été"', " "]),
    max_size=7,
).map(" ".join)
annotations = st.fixed_dictionaries(
    {
        "created": st.integers(0, 4),
        "updated": st.integers(0, 4),
        "user": st.integers(0, 2),
        "group": st.integers(0, 2),
        "uri": st.sampled_from(URIS),
        "version": st.sampled_from([None, None, 1, 2]),
        "parent": st.none() | st.integers(0, 20),
        "quotes": st.lists(phrases, max_size=2),
        "tags": st.lists(phrases, max_size=3),
        "text": phrases,
        "shared": st.sampled_from([True, True, True, False]),
        "deleted": st.sampled_from([False, False, False, True]),
        "status": st.sampled_from([None, None, *ModerationStatus]),
    }
)


@st.composite
def queries(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a search; ids and cursors as numbers of rows, which the test replaces."""

    def few(values: st.SearchStrategy[Any]) -> tuple[Any, ...]:
        return tuple(draw(st.just([]) | st.lists(values, max_size=2)))

    return {
        "uris": few(st.builds("".join, st.tuples(st.sampled_from(URIS), st.sampled_from(SUFFIXES)))),
        "uri_parts": few(st.sampled_from(["sea", "example.com", "été", "x1 q", "urn", "!!", "/"])),
        "groups": few(st.sampled_from([*GROUPS, "nowherex"])),
        "users": few(st.sampled_from([*USERNAMES, "nobody"])),
        "tags": few(phrases),
        "text": few(phrases),
        "quote": few(phrases),
        "any": few(simple_queries),
        "references": few(st.integers(0, 20)),
        "top_level_only": draw(st.booleans()),
        "sort": draw(st.sampled_from(SortKey)),
        "descending": draw(st.booleans()),
        "limit": draw(st.integers(0, 12)),
        "offset": draw(st.sampled_from([0, 0, 0, 1, 5])),
        "after": draw(st.none() | st.tuples(st.integers(0, 20), st.booleans())),
    }


class World:
    """The people, groups and annotations of one example."""

    def __init__(self, session: Session, drawn: Sequence[dict[str, Any]]) -> None:
        self.session = session
        self.users = [make_user(session, username=name) for name in USERNAMES]
        self.users[2].nipsa = True
        private, public = make_group(session, pubid=GROUPS[1]), make_group(session, pubid=GROUPS[2], kind="open")
        self.groups = [make_world_group(session), private, public]
        add_member(session, group=private, user=self.users[0])
        add_member(session, group=private, user=self.users[1], role=Role.MODERATOR)
        self.rows: list[Row] = []
        for values in drawn:
            self.rows.append(self._add(values))
        session.flush()
        self.principals: list[Principal] = [ANONYMOUS, *(principal_of_user(session, user.id) for user in self.users)]

    def _add(self, drawn: dict[str, Any]) -> Row:
        user, group = self.users[drawn["user"]], self.groups[drawn["group"]]
        parent = drawn["parent"]
        references = [self.rows[parent].id] if parent is not None and parent < len(self.rows) else []
        made = make_annotation(
            self.session,
            user=user,
            group=group,
            target_uri=drawn["uri"],
            created=_at(drawn["created"]),
            updated=_at(drawn["updated"]),
            document_version=drawn["version"],
            references=references,
            selectors=[{"type": "TextQuoteSelector", "exact": quote} for quote in drawn["quotes"]],
            tags=drawn["tags"],
            text=drawn["text"],
            shared=drawn["shared"],
            deleted=drawn["deleted"],
            moderation_status=drawn["status"],
        )
        return _row(made, user, group, drawn["quotes"])

    def query(self, drawn: dict[str, Any]) -> SearchQuery:
        """Return the search with ids and cursors of this world."""
        sort, after = drawn["sort"], drawn["after"]
        cursor = None
        if after is not None and self.rows:
            row = self.rows[after[0] % len(self.rows)]
            cursor = Cursor(reference.sort_key(row, sort), row.id if after[1] and sort is not SortKey.ID else None)
        return SearchQuery(
            **drawn
            | {
                "uris": tuple(map(parse_versioned, drawn["uris"])),
                "users": tuple(UserTerm(normalize_username(name)) for name in drawn["users"]),
                "references": tuple(self._id(number) for number in drawn["references"]),
                "after": cursor,
                "offset": 0 if cursor else drawn["offset"],
            }
        )

    def _id(self, number: int) -> UUID:
        return self.rows[number].id if number < len(self.rows) else UUID(int=number)


def _at(number: int) -> datetime:
    return START + timedelta(seconds=number)


def _row(made: Annotation, user: User, group: Group, quotes: Sequence[str]) -> Row:
    facts = AnnotationFacts(
        author_id=user.id,
        group_id=group.id,
        shared=made.shared,
        deleted=made.deleted,
        moderation_status=made.moderation_status,
        world_readable=group.readable_by == ReadableBy.WORLD,
        author_nipsa=user.nipsa,
    )
    return Row(
        id=made.id,
        created=made.created,
        updated=made.updated,
        username=user.username,
        pubid=group.pubid,
        facts=facts,
        target_uri=made.target_uri,
        document_version=made.document_version,
        references=tuple(made.references),
        quotes=tuple(quotes),
        tags=tuple(made.tags),
        text=made.text,
    )


class TestSearches:
    @settings(
        max_examples=examples(60),
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(drawn=st.lists(annotations, max_size=20), asked=st.lists(queries(), min_size=1, max_size=12))
    def test_they_find_what_the_reference_finds(
        self, rolled_back: RolledBackDatabase, drawn: list[dict[str, Any]], asked: list[dict[str, Any]]
    ) -> None:
        with rolled_back.transaction() as session:
            world = World(session, drawn)
            connection = session.connection()
            PostgreSQLWriter(rolled_back).write(read_batch(connection, [row.id for row in world.rows]))
            backend = PostgreSQLBackend(rolled_back)
            for values in asked:
                query = world.query(values)
                for principal in world.principals:
                    found = backend.search(query, principal=principal)
                    assert (list(found.ids), found.total) == reference.search(world.rows, query, principal), query
            session.rollback()
