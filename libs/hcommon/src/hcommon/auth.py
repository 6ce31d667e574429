"""From credentials to principal; from a bearer token in one statement."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, BigInteger, Connection, LargeBinary, RowMapping, any_, bindparam, func, or_, select, true
from sqlalchemy.orm import Session

from hcommon.db.prepared import prepared
from hcommon.ids import InvalidUseridError, make_userid, normalize_username, split_userid
from hcommon.models import Grant, Group, GroupMembership, Token, User
from hcommon.models.group import MODERATING_ROLES, LMSRole, Role
from hcommon.tokens import hash_token

GRANT_SOURCE_JWT = "jwt"


@dataclass(frozen=True, slots=True)
class ClientIdentity:
    """An application that proved itself with its secret; `capabilities` are of `Capability`."""

    id: UUID
    authority: str
    capabilities: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who is asking; without a user and without a client, anybody.

    Attributes:
        user_id: Key of the user, None for anonymous.
        userid: `acct:name@authority`, None for anonymous.
        roles: Role in each group that the user is a member of, by `group.id`.
        group_pubids: The API's id of each of those groups, by `group.id`.
        instructs: Keys of the groups in which the user is an instructor of a course.
        grant_id: The grant of the token that was shown; None for a browser session or anonymous.
        admin: May use the whole admin site; never set by a token from a JWT grant.
        staff: May use its harmless pages; likewise.
        client: The application that asks with its own credentials, for itself or for the user; None for everybody
            else. Only routes that say so let an application in.
    """

    user_id: int | None = None
    userid: str | None = None
    authority: str | None = None
    display_name: str | None = None
    roles: Mapping[int, Role] = field(default_factory=dict)
    group_pubids: Mapping[int, str] = field(default_factory=dict)
    instructs: frozenset[int] = frozenset()
    grant_id: UUID | None = None
    admin: bool = False
    staff: bool = False
    client: ClientIdentity | None = None

    @property
    def moderated_group_ids(self) -> frozenset[int]:
        """Return the groups in which this principal moderates."""
        return frozenset(group_id for group_id, role in self.roles.items() if role in MODERATING_ROLES)


ANONYMOUS = Principal()

_memberships = (
    select(
        GroupMembership.user_id,
        func.array_agg(GroupMembership.group_id).label("group_ids"),
        func.array_agg(GroupMembership.role).label("group_roles"),
        func.array_agg(Group.pubid).label("group_pubids"),
        func.array_agg(GroupMembership.group_id)
        .filter(GroupMembership.lms_role == LMSRole.INSTRUCTOR.value)
        .label("instructed_ids"),
    )
    .join(Group, Group.id == GroupMembership.group_id)
    .where(GroupMembership.user_id == User.id)
    .group_by(GroupMembership.user_id)
    .lateral("memberships")
)

_user_columns = (
    User.id.label("user_id"),
    User.username,
    User.authority,
    User.display_name,
    User.admin,
    User.staff,
    _memberships.c.group_ids,
    _memberships.c.group_roles,
    _memberships.c.group_pubids,
    _memberships.c.instructed_ids,
)

# Built once: every request asks it.
_of_tokens = prepared(
    select(*_user_columns, Grant.id.label("grant_id"), Grant.source, Token.access_hash)
    .select_from(Token)
    .join(Grant, Grant.id == Token.grant_id)
    .join(User, User.id == Grant.user_id)
    .outerjoin(_memberships, true())
    .where(
        or_(Token.access_expires.is_(None), Token.access_expires > bindparam("now")),
        User.deleted.is_(False),
    )
)
_of_token = _of_tokens.where(Token.access_hash == bindparam("access_hash"))
_of_any_token = _of_tokens.where(Token.access_hash == any_(bindparam("access_hashes", type_=ARRAY(LargeBinary))))

_of_user = select(*_user_columns).select_from(User).outerjoin(_memberships, true()).where(User.deleted.is_(False))

_of_this_user = prepared(_of_user.where(User.id == bindparam("user_id", type_=BigInteger())))

_of_users = _of_user.where(User.id == any_(bindparam("user_ids", type_=ARRAY(BigInteger))))


def principal_of_token(connection: Connection | Session, token: str, *, now: datetime) -> Principal:
    """Return whom an access or developer token speaks for.

    An unknown, expired or revoked token, a refresh token, and the token of a deleted user are anonymous, not an
    error. Source: spec of the API, section 2.1; the client relies on it.
    """
    row = connection.execute(_of_token, {"access_hash": hash_token(token), "now": now}).mappings().first()
    return _principal(row) if row else ANONYMOUS


def principals_of_tokens(
    connection: Connection | Session, tokens: Collection[str], *, now: datetime
) -> dict[str, Principal]:
    """Return whom each of many tokens speaks for, as `principal_of_token` does, in one statement for all."""
    by_hash = {hash_token(token): token for token in tokens}
    rows = connection.execute(_of_any_token, {"access_hashes": list(by_hash), "now": now}).mappings()
    found = {by_hash[bytes(row["access_hash"])]: _principal(row) for row in rows}
    return {token: found.get(token, ANONYMOUS) for token in tokens}


def principal_of_user(connection: Connection | Session, user_id: int) -> Principal:
    """Return a user as principal, for browser sessions and background work; anonymous when deleted or unknown."""
    row = connection.execute(_of_this_user, {"user_id": user_id}).mappings().first()
    return _principal(row) if row else ANONYMOUS


def principals_of_users(connection: Connection | Session, user_ids: Collection[int]) -> dict[int, Principal]:
    """Return users as principals, by key, in one statement; those that are deleted or unknown are missing."""
    rows = connection.execute(_of_users, {"user_ids": list(user_ids)}).mappings()
    return {row["user_id"]: _principal(row) for row in rows}


def principal_of_client(
    connection: Connection | Session, client: ClientIdentity, *, forwarded_userid: str | None = None
) -> Principal:
    """Return a client that proved itself, acting for a user of its authority if it names one.

    A client never carries admin or staff rights. One that names no userid, nobody, or a user who is deleted or of
    another authority is anonymous altogether. Source: spec of the API, section 2.1.
    """
    if forwarded_userid is None:
        return Principal(client=client)
    try:
        username, authority = split_userid(forwarded_userid)
    except InvalidUseridError:
        return ANONYMOUS
    if authority != client.authority:
        return ANONYMOUS
    is_named = (User.username_normalized == normalize_username(username), User.authority == authority)
    row = connection.execute(_of_user.where(*is_named)).mappings().first()
    return replace(_principal(row), client=client, admin=False, staff=False) if row else ANONYMOUS


def _principal(row: RowMapping) -> Principal:
    group_ids = row["group_ids"] or []
    from_jwt = row.get("source") == GRANT_SOURCE_JWT
    return Principal(
        user_id=row["user_id"],
        userid=make_userid(row["username"], row["authority"]),
        authority=row["authority"],
        display_name=row["display_name"],
        roles=dict(zip(group_ids, map(Role, row["group_roles"] or []), strict=True)),
        group_pubids=dict(zip(group_ids, row["group_pubids"] or [], strict=True)),
        instructs=frozenset(row["instructed_ids"] or ()),
        grant_id=row.get("grant_id"),
        admin=row["admin"] and not from_jwt,
        staff=row["staff"] and not from_jwt,
    )
