"""Who may read what: the rule in words, and the agreement of its four forms in random worlds."""

from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from hcommon.auth import ANONYMOUS, ClientIdentity, Principal, principal_of_user
from hcommon.authz import (
    AnnotationFacts,
    ReaderClass,
    can_moderate,
    can_read,
    can_write,
    group_readable_condition,
    read_permission,
    readable_condition,
    readable_filter,
    reader_class,
    reader_parameters,
    reader_shape,
    stand_in,
)
from hcommon.db.engine import Database
from hcommon.models import Annotation, Group, User
from hcommon.models.annotation import ModerationStatus
from hcommon.models.group import MODERATING_ROLES, LMSRole, Role
from hcommon.presentation.annotation import annotation_columns, annotation_source, facts_of
from hcommon.search.document import read_batch
from hcommon.search.elasticsearch.mapping import source_of
from hcommon.testing.examples import examples
from hcommon.testing.factories import add_member, make_annotation, make_group, make_user, make_world_group
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select
from sqlalchemy.orm import Session

AUTHOR_ID, READER_ID, GROUP_ID = 1, 2, 10
AUTHOR = Principal(user_id=AUTHOR_ID, userid="acct:author@example.org")
STRANGER = Principal(user_id=READER_ID, userid="acct:reader@example.org")
OPEN = AnnotationFacts(
    author_id=AUTHOR_ID,
    group_id=GROUP_ID,
    shared=True,
    deleted=False,
    moderation_status=None,
    world_readable=True,
    author_nipsa=False,
)
HIDING = [ModerationStatus.PENDING, ModerationStatus.DENIED, ModerationStatus.SPAM]


def member(role: Role) -> Principal:
    return replace(STRANGER, roles={GROUP_ID: role})


class TestRule:
    def test_a_shared_annotation_of_a_world_readable_group_is_for_everybody(self) -> None:
        assert can_read(ANONYMOUS, OPEN)
        assert can_read(STRANGER, OPEN)

    @pytest.mark.parametrize("role", Role)
    def test_one_of_a_private_group_is_for_its_members(self, role: Role) -> None:
        private = OPEN._replace(world_readable=False)
        assert can_read(member(role), private)
        assert not can_read(STRANGER, private)
        assert not can_read(ANONYMOUS, private)
        assert not can_read(replace(STRANGER, roles={GROUP_ID + 1: role}), private)

    @pytest.mark.parametrize("reader", [ANONYMOUS, STRANGER, member(Role.MEMBER), member(Role.OWNER)])
    def test_a_private_annotation_is_for_its_author_alone(self, reader: Principal) -> None:
        private = OPEN._replace(shared=False)
        assert can_read(AUTHOR, private)
        assert not can_read(reader, private)

    @pytest.mark.parametrize("reader", [ANONYMOUS, STRANGER, member(Role.MEMBER), member(Role.OWNER)])
    def test_what_a_shadow_banned_user_writes_is_for_its_author_alone(self, reader: Principal) -> None:
        banned = OPEN._replace(author_nipsa=True)
        assert can_read(AUTHOR, banned)
        assert not can_read(reader, banned)

    @pytest.mark.parametrize("status", HIDING)
    def test_a_hidden_annotation_is_for_its_author_and_moderators(self, status: ModerationStatus) -> None:
        hidden = OPEN._replace(moderation_status=status)
        assert can_read(AUTHOR, hidden)
        assert {role for role in Role if can_read(member(role), hidden)} == MODERATING_ROLES
        assert not can_read(ANONYMOUS, hidden)

    @pytest.mark.parametrize("role", sorted(MODERATING_ROLES))
    def test_moderators_of_another_group_see_no_hidden_annotation(self, role: Role) -> None:
        elsewhere = replace(STRANGER, roles={GROUP_ID + 1: role})
        assert not can_read(elsewhere, OPEN._replace(moderation_status=ModerationStatus.SPAM))

    def test_an_approved_annotation_is_not_hidden(self) -> None:
        assert can_read(ANONYMOUS, OPEN._replace(moderation_status=ModerationStatus.APPROVED))

    def test_a_sealed_annotation_is_for_its_author_instructors_and_moderators(self) -> None:
        sealed = OPEN._replace(sealed=True)
        assert can_read(AUTHOR, sealed)
        assert {role for role in Role if can_read(member(role), sealed)} == MODERATING_ROLES
        assert can_read(replace(member(Role.MEMBER), instructs=frozenset({GROUP_ID})), sealed)
        assert not can_read(replace(member(Role.MEMBER), instructs=frozenset({GROUP_ID + 1})), sealed)
        assert not can_read(ANONYMOUS, sealed)

    def test_and_for_the_one_whom_an_instructor_answers(self) -> None:
        answer = OPEN._replace(sealed=True, revealed_to_id=READER_ID)
        assert can_read(STRANGER, answer)
        assert not can_read(STRANGER, answer._replace(world_readable=False))
        assert not can_read(STRANGER, answer._replace(moderation_status="SPAM"))
        assert not can_read(replace(STRANGER, user_id=READER_ID + 1), answer)
        assert not can_read(ANONYMOUS, answer._replace(revealed_to_id=None))

    def test_a_status_that_this_release_does_not_know_hides(self) -> None:
        assert not can_read(ANONYMOUS, OPEN._replace(moderation_status="QUARANTINED"))

    def test_a_deleted_annotation_is_for_nobody(self) -> None:
        deleted = OPEN._replace(deleted=True)
        assert not any(can_read(reader, deleted) for reader in (AUTHOR, STRANGER, member(Role.OWNER), ANONYMOUS))


class TestReaderClass:
    def test_authors_are_authors_even_where_they_moderate(self) -> None:
        assert reader_class(replace(AUTHOR, roles={GROUP_ID: Role.OWNER}), OPEN) is ReaderClass.AUTHOR

    def test_moderators_are_recognised(self) -> None:
        assert reader_class(member(Role.MODERATOR), OPEN) is ReaderClass.MODERATOR

    def test_members_and_strangers_are_others(self) -> None:
        assert reader_class(member(Role.MEMBER), OPEN) is ReaderClass.OTHER
        assert reader_class(ANONYMOUS, OPEN) is ReaderClass.OTHER

    def test_whoever_could_see_an_annotation_is_told_of_its_deletion(self) -> None:
        assert reader_class(ANONYMOUS, OPEN._replace(deleted=True)) is ReaderClass.OTHER


class TestCanModerate:
    def test_belongs_to_the_groups_moderators(self) -> None:
        assert {role for role in Role if can_moderate(member(role), OPEN)} == MODERATING_ROLES
        assert not can_moderate(ANONYMOUS, OPEN)

    @pytest.mark.parametrize("change", [{"shared": False}, {"deleted": True}])
    def test_ends_with_what_is_private_or_gone(self, change: dict[str, Any]) -> None:
        assert not can_moderate(member(Role.OWNER), OPEN._replace(**change))


class TestCanWrite:
    def test_is_never_anonymous(self) -> None:
        assert not can_write(ANONYMOUS, group_id=GROUP_ID, group_authority="example.org", writeable_by="authority")

    def test_in_an_open_group_is_for_users_of_its_authority(self) -> None:
        here, elsewhere = replace(STRANGER, authority="example.org"), replace(STRANGER, authority="other.org")
        values: dict[str, Any] = {
            "group_id": GROUP_ID,
            "group_authority": "example.org",
            "writeable_by": "authority",
        }
        assert can_write(here, **values)
        assert not can_write(elsewhere, **values)

    @pytest.mark.parametrize("writeable_by", ["members", "something new"])
    def test_elsewhere_is_for_members(self, writeable_by: str) -> None:
        values: dict[str, Any] = {
            "group_id": GROUP_ID,
            "group_authority": "example.org",
            "writeable_by": writeable_by,
        }
        assert can_write(member(Role.MEMBER), **values)
        assert not can_write(replace(STRANGER, authority="example.org"), **values)


class TestReadPermission:
    def test_of_a_private_annotation_is_its_author(self) -> None:
        assert (
            read_permission(author_userid="acct:a@b", group_pubid="abc", shared=False, open_to_world=True) == "acct:a@b"
        )

    def test_of_a_shared_annotation_is_the_world_or_its_group(self) -> None:
        values: dict[str, Any] = {"author_userid": "acct:a@b", "group_pubid": "abc", "shared": True}
        assert read_permission(**values, open_to_world=True) == "group:__world__"
        assert read_permission(**values, open_to_world=False) == "group:abc"


class TestGroupReadableCondition:
    def test_finds_world_readable_groups_and_ones_own(self, session: Session) -> None:
        user = make_user(session)
        private, others_private, restricted = (
            make_group(session),
            make_group(session),
            make_group(session, kind="restricted"),
        )
        add_member(session, group=private, user=user)
        groups = {private.id, others_private.id, restricted.id}

        def readable(principal: Principal) -> set[int]:
            found = session.scalars(select(Group.id).where(group_readable_condition(principal)))
            return set(found) & groups

        assert readable(principal_of_user(session, user.id)) == {private.id, restricted.id}
        assert readable(ANONYMOUS) == {restricted.id}
        client = Principal(client=ClientIdentity(id=uuid4(), authority=user.authority))
        assert readable(client) == groups
        assert readable(Principal(client=ClientIdentity(id=uuid4(), authority="other.org"))) == {restricted.id}


@dataclass(frozen=True)
class AnnotationPlan:
    """An annotation to be made; author and group are places in the world's lists."""

    author: int
    group: int
    shared: bool
    deleted: bool
    moderation_status: str | None
    sealed: bool
    revealed_to: int | None


@dataclass(frozen=True)
class WorldPlan:
    """A world to be made; `banned` has an entry a user, group 0 is the public one."""

    banned: list[bool]
    kinds: list[str]
    roles: dict[tuple[int, int], Role]
    instructors: set[tuple[int, int]]
    annotations: list[AnnotationPlan]


@st.composite
def world_plans(draw: st.DrawFn) -> WorldPlan:
    banned = draw(st.lists(st.sampled_from([False, False, True]), min_size=2, max_size=4))
    kinds = draw(st.lists(st.sampled_from(["private", "restricted", "open"]), min_size=1, max_size=3))
    users, groups = range(len(banned)), range(len(kinds) + 1)
    places = [(user, group) for user in users for group in groups]
    drawn = draw(st.lists(st.sampled_from([None, *Role]), min_size=len(places), max_size=len(places)))
    roles = {place: role for place, role in zip(places, drawn, strict=True) if role is not None}
    statuses = st.sampled_from([None, *(status.value for status in ModerationStatus)])
    plans = st.builds(
        AnnotationPlan,
        author=st.sampled_from(users),
        group=st.sampled_from(groups),
        shared=st.sampled_from([True, True, False]),
        deleted=st.sampled_from([False, False, False, True]),
        moderation_status=statuses,
        sealed=st.sampled_from([False, True]),
        revealed_to=st.sampled_from([None, *users]),
    )
    instructors = draw(st.sets(st.sampled_from(sorted(roles)))) if roles else set()
    return WorldPlan(banned, kinds, roles, instructors, draw(st.lists(plans, min_size=4, max_size=10)))


def build(session: Session, plan: WorldPlan) -> list[User]:
    users = [make_user(session, nipsa=banned) for banned in plan.banned]
    groups = [make_world_group(session), *(make_group(session, kind=kind) for kind in plan.kinds)]
    for (user, group), role in plan.roles.items():
        membership = add_member(session, group=groups[group], user=users[user], role=role)
        if (user, group) in plan.instructors:
            membership.lms_role = LMSRole.INSTRUCTOR
    for annotation in plan.annotations:
        make_annotation(
            session,
            user=users[annotation.author],
            group=groups[annotation.group],
            shared=annotation.shared,
            deleted=annotation.deleted,
            moderation_status=annotation.moderation_status,
            sealed=annotation.sealed,
            revealed_to_id=None if annotation.revealed_to is None else users[annotation.revealed_to].id,
        )
    return users


def search_documents(session: Session) -> dict[UUID, dict[str, Any]]:
    """Return what the indexer writes, by id; deleted annotations have no document."""
    ids = session.scalars(select(Annotation.id)).all()
    return {document.id: source_of(document) for document in read_batch(session.connection(), ids).documents}


def matches(clause: dict[str, Any], document: dict[str, Any]) -> bool:
    """Evaluate an Elasticsearch filter of `bool` with `filter`, `should` and `must_not`, `term` and `terms`."""
    ((kind, body),) = clause.items()
    if kind in ("term", "terms"):
        ((name, wanted),) = body.items()
        return name in document and document[name] in (wanted if kind == "terms" else [wanted])
    assert kind == "bool"
    assert body.keys() <= {"filter", "should", "minimum_should_match", "must_not"}
    if any(matches(item, document) for item in body.get("must_not", ())):
        return False
    required = all(matches(item, document) for item in body.get("filter", ()))
    found = sum(matches(item, document) for item in body.get("should", ()))
    return required and found >= body.get("minimum_should_match", 0)


SEALED = WorldPlan(
    banned=[False, False, False],
    kinds=["private"],
    roles={(0, 1): Role.MEMBER, (1, 1): Role.MEMBER, (2, 1): Role.MEMBER},
    instructors={(2, 1)},
    annotations=[
        AnnotationPlan(
            author=0,
            group=group,
            shared=True,
            deleted=False,
            moderation_status=None,
            sealed=True,
            revealed_to=revealed_to,
        )
        for group in (0, 1)
        for revealed_to in (None, 1)
    ],
)
"""A course with an instructor, in which every way of being sealed occurs: random worlds would often miss one."""


class TestFourForms:
    @given(plan=world_plans())
    @example(plan=SEALED)
    @settings(deadline=None, max_examples=examples(60))
    def test_agree_in_every_world(self, shared_database: Database, plan: WorldPlan) -> None:
        with shared_database.engine.connect() as connection, connection.begin() as outer:
            with Session(connection, join_transaction_mode="create_savepoint") as session:
                users = build(session, plan)
                readers = [ANONYMOUS, *(principal_of_user(session, user.id) for user in users)]
                for reader in readers:
                    self.check(session, reader)
            outer.rollback()

    @given(plan=world_plans(), statuses=st.lists(st.sampled_from([None, *ModerationStatus]), min_size=10, max_size=10))
    @settings(deadline=None, max_examples=examples(30))
    def test_agree_after_verdicts_and_shadow_bans(
        self, shared_database: Database, plan: WorldPlan, statuses: list[ModerationStatus | None]
    ) -> None:
        with shared_database.engine.connect() as connection, connection.begin() as outer:
            with Session(connection, join_transaction_mode="create_savepoint") as session:
                users = build(session, plan)
                annotations = session.scalars(select(Annotation).order_by(Annotation.id)).all()
                for annotation, status in zip(annotations, statuses, strict=False):
                    annotation.moderation_status = status
                for user in users:
                    user.nipsa = not user.nipsa
                session.flush()
                for reader in [ANONYMOUS, *(principal_of_user(session, user.id) for user in users)]:
                    self.check(session, reader)
            outer.rollback()

    def check(self, session: Session, reader: Principal) -> None:
        columns = select(*annotation_columns(reader)).select_from(annotation_source())
        in_sql = set(session.scalars(columns.where(readable_condition(reader)).with_only_columns(Annotation.id)))
        kept = columns.where(readable_condition(stand_in(reader_shape(reader)))).with_only_columns(Annotation.id)
        with_parameters = set(session.scalars(kept, reader_parameters(reader)))
        search_filter = readable_filter(reader)
        documents = search_documents(session)
        for row in session.execute(columns).mappings():
            facts = facts_of(row)
            expected = can_read(reader, facts)
            document = documents.get(row["id"])
            assert (row["id"] in in_sql) is expected
            assert (row["id"] in with_parameters) is expected
            assert (document is not None and matches(search_filter, document)) is expected
            assert (not facts.deleted and reader_class(reader, facts) is not None) is expected
            # Nobody judges what others may not see; a moderator may judge all that is seen as one.
            if reader_class(reader, facts) is ReaderClass.MODERATOR:
                assert can_moderate(reader, facts) is expected
            hidden_from_public = facts.hidden or facts.author_nipsa or not facts.shared or facts.deleted
            if hidden_from_public and reader.user_id is None:
                assert not expected
