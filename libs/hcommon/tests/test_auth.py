"""From bearer token to principal."""

from datetime import timedelta
from uuid import uuid4

import pytest
from hcommon.auth import (
    ANONYMOUS,
    GRANT_SOURCE_JWT,
    principal_of_token,
    principal_of_user,
    principals_of_tokens,
    principals_of_users,
)
from hcommon.models import Token
from hcommon.models.group import Role
from hcommon.testing.clock import START
from hcommon.testing.factories import add_member, make_access_token, make_group, make_user
from hcommon.tokens import hash_token
from sqlalchemy import delete, event
from sqlalchemy.orm import Session


class TestPrincipalOfToken:
    def test_knows_the_user_and_the_grant(self, session: Session) -> None:
        user = make_user(session, username="Al.Ice", display_name="Alice A.")
        grant_id = uuid4()
        token = make_access_token(session, user=user, grant_id=grant_id)
        principal = principal_of_token(session, token, now=START)
        assert principal.user_id == user.id
        assert principal.userid == "acct:Al.Ice@example.org"
        assert principal.authority == "example.org"
        assert principal.display_name == "Alice A."
        assert principal.grant_id == grant_id
        assert not principal.admin
        assert not principal.staff

    def test_knows_every_group_and_the_role_in_it(self, session: Session) -> None:
        user, other = make_user(session), make_user(session)
        groups = [make_group(session) for _ in Role]
        for group, role in zip(groups, Role, strict=True):
            add_member(session, group=group, user=user, role=role)
        add_member(session, group=groups[0], user=other, role=Role.OWNER)
        principal = principal_of_token(session, make_access_token(session, user=user), now=START)
        assert principal.roles == {group.id: role for group, role in zip(groups, Role, strict=True)}
        assert principal.group_pubids == {group.id: group.pubid for group in groups}
        assert principal.moderated_group_ids == {
            group.id for group, role in zip(groups, Role, strict=True) if role is not Role.MEMBER
        }

    def test_takes_one_statement(self, session: Session) -> None:
        user = make_user(session)
        for _ in range(3):
            add_member(session, group=make_group(session), user=user)
        token = make_access_token(session, user=user)
        session.flush()
        statements: list[str] = []

        def note(*arguments: object) -> None:
            statements.append(str(arguments[2]))

        bind = session.connection()
        event.listen(bind, "before_cursor_execute", note)
        principal_of_token(session, token, now=START)
        event.remove(bind, "before_cursor_execute", note)
        assert len(statements) == 1

    @pytest.mark.parametrize("token", ["", "5768-unknown", "☃", "\x00", "a" * 100_000])
    def test_an_unknown_token_is_nobody(self, session: Session, token: str) -> None:
        assert principal_of_token(session, token, now=START) == ANONYMOUS

    def test_a_token_ends_at_its_expiry_to_the_microsecond(self, session: Session) -> None:
        expires = START + timedelta(hours=1)
        token = make_access_token(session, user=make_user(session), expires=expires)
        just_before = expires - timedelta(microseconds=1)
        assert principal_of_token(session, token, now=just_before).user_id is not None
        assert principal_of_token(session, token, now=expires) == ANONYMOUS

    def test_a_developer_token_does_not_expire(self, session: Session) -> None:
        token = make_access_token(session, user=make_user(session), source="developer")
        assert principal_of_token(session, token, now=START + timedelta(days=10_000)).user_id is not None

    def test_a_revoked_token_is_nobody(self, session: Session) -> None:
        token = make_access_token(session, user=make_user(session))
        session.execute(delete(Token).where(Token.access_hash == hash_token(token)))
        assert principal_of_token(session, token, now=START) == ANONYMOUS

    def test_a_refresh_token_is_nobody(self, session: Session) -> None:
        access = make_access_token(session, user=make_user(session))
        row = session.query(Token).filter_by(access_hash=hash_token(access)).one()
        row.refresh_hash = hash_token("4657-refresh")
        session.flush()
        assert principal_of_token(session, "4657-refresh", now=START) == ANONYMOUS

    def test_the_token_of_a_deleted_user_is_nobody(self, session: Session) -> None:
        token = make_access_token(session, user=make_user(session, deleted=True))
        assert principal_of_token(session, token, now=START) == ANONYMOUS

    @pytest.mark.parametrize("source", ["code", "developer"])
    def test_admin_and_staff_come_with_the_users_own_grants(self, session: Session, source: str) -> None:
        user = make_user(session, admin=True, staff=True)
        principal = principal_of_token(session, make_access_token(session, user=user, source=source), now=START)
        assert (principal.admin, principal.staff) == (True, True)

    def test_a_jwt_grant_never_carries_admin_or_staff(self, session: Session) -> None:
        user = make_user(session, admin=True, staff=True)
        token = make_access_token(session, user=user, source=GRANT_SOURCE_JWT)
        principal = principal_of_token(session, token, now=START)
        assert principal.user_id == user.id
        assert (principal.admin, principal.staff) == (False, False)


class TestPrincipalOfUser:
    def test_knows_the_user_without_a_grant(self, session: Session) -> None:
        user, group = make_user(session, admin=True), make_group(session)
        add_member(session, group=group, user=user, role=Role.MODERATOR)
        principal = principal_of_user(session, user.id)
        assert principal.user_id == user.id
        assert principal.roles == {group.id: Role.MODERATOR}
        assert principal.admin
        assert principal.grant_id is None

    def test_a_user_without_groups_has_no_roles(self, session: Session) -> None:
        principal = principal_of_user(session, make_user(session).id)
        assert principal.roles == {}
        assert principal.group_pubids == {}
        assert principal.moderated_group_ids == frozenset()

    def test_an_unknown_or_deleted_user_is_nobody(self, session: Session) -> None:
        assert principal_of_user(session, -1) == ANONYMOUS
        assert principal_of_user(session, make_user(session, deleted=True).id) == ANONYMOUS


class TestPrincipalsOfTokens:
    def test_are_those_of_each_token(self, session: Session) -> None:
        user, other = make_user(session), make_user(session)
        add_member(session, group=make_group(session), user=user, role=Role.MODERATOR)
        add_member(session, group=make_group(session), user=user)
        tokens = [
            make_access_token(session, user=user, grant_id=uuid4()),
            make_access_token(session, user=user, grant_id=uuid4()),
            make_access_token(session, user=other),
            make_access_token(session, user=other, expires=START - timedelta(seconds=1)),
            "unknown",
        ]
        found = principals_of_tokens(session, tokens, now=START)
        assert found == {token: principal_of_token(session, token, now=START) for token in tokens}
        assert found["unknown"] is ANONYMOUS
        assert found[tokens[0]].grant_id != found[tokens[1]].grant_id

    def test_of_none_are_none(self, session: Session) -> None:
        assert principals_of_tokens(session, [], now=START) == {}


class TestPrincipalsOfUsers:
    def test_are_those_of_each_user_who_is_there(self, session: Session) -> None:
        user, other, deleted = make_user(session), make_user(session), make_user(session, deleted=True)
        add_member(session, group=make_group(session), user=user, role=Role.OWNER)
        found = principals_of_users(session, [user.id, other.id, deleted.id, -1])
        assert found == {one.id: principal_of_user(session, one.id) for one in (user, other)}
