"""Rows with sensible defaults; each function inserts one and returns it."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any
from uuid import UUID, uuid4

import orjson
from sqlalchemy import select
from sqlalchemy.orm import Session

from hcommon import ids, uri
from hcommon.events import catalog
from hcommon.events.base import Event
from hcommon.models import Annotation, Document, Grant, Group, GroupMembership, OutboxEvent, Token, User
from hcommon.models.group import JoinableBy, ReadableBy, Role, WriteableBy
from hcommon.testing.clock import START
from hcommon.tokens import hash_token, new_token

AUTHORITY = "example.org"
_numbers = count(1)


def make_user(session: Session, *, username: str | None = None, authority: str = AUTHORITY, **columns: Any) -> User:
    """Insert an activated user."""
    name = username or f"user{next(_numbers)}"
    values: dict[str, Any] = {"created": START, "activated_at": START, "email": f"{name}@{authority}"}
    user = User(
        pubid=ids.new_pubid(ids.USER_PUBID_LENGTH),
        username=name,
        username_normalized=ids.normalize_username(name),
        authority=authority,
        **(values | columns),
    )
    session.add(user)
    session.flush()
    return user


def make_world_group(session: Session, *, authority: str = AUTHORITY) -> Group:
    """Return the public group, inserting it if it is not there."""
    found = session.scalar(select(Group).where(Group.pubid == ids.WORLD_GROUP))
    return found or _group(
        session,
        pubid=ids.WORLD_GROUP,
        name="Public",
        authority=authority,
        joinable_by=JoinableBy.NOBODY,
        readable_by=ReadableBy.WORLD,
        writeable_by=WriteableBy.AUTHORITY,
    )


def make_group(session: Session, *, kind: str = "private", authority: str = AUTHORITY, **columns: Any) -> Group:
    """Insert a group of `kind` `private`, `restricted` or `open`, without members."""
    readable = ReadableBy.MEMBERS if kind == "private" else ReadableBy.WORLD
    writeable = WriteableBy.AUTHORITY if kind == "open" else WriteableBy.MEMBERS
    joinable = JoinableBy.AUTHORITY if kind == "private" else JoinableBy.NOBODY
    values: dict[str, Any] = {
        "pubid": ids.new_pubid(ids.GROUP_PUBID_LENGTH),
        "name": f"Group {next(_numbers)}",
        "joinable_by": joinable,
        "readable_by": readable,
        "writeable_by": writeable,
    }
    return _group(session, authority=authority, **(values | columns))


def _group(session: Session, **columns: Any) -> Group:
    group = Group(**({"created": START, "updated": START} | columns))
    session.add(group)
    session.flush()
    return group


def add_member(
    session: Session, *, group: Group, user: User, role: Role = Role.MEMBER, lms_role: str | None = None
) -> GroupMembership:
    """Make a user a member of a group."""
    membership = GroupMembership(
        user_id=user.id, group_id=group.id, role=role, lms_role=lms_role, created=START, updated=START
    )
    session.add(membership)
    session.flush()
    return membership


def make_annotation(
    session: Session,
    *,
    user: User,
    group: Group | None = None,
    target_uri: str = "https://example.com/page",
    created: datetime | None = None,
    selectors: list[dict[str, Any]] | None = None,
    extra: dict[str, Any] | None = None,
    **columns: Any,
) -> Annotation:
    """Insert a shared annotation with a document of its own; a second later than the one before."""
    when = created or START + timedelta(seconds=next(_numbers))
    normalized = uri.normalize(target_uri)
    document_id = columns.pop("document_id", None)
    if document_id is None:
        document = Document(created=when, updated=when)
        session.add(document)
        session.flush()
        document_id = document.id
    values: dict[str, Any] = {
        "id": ids.new_annotation_id(now=when),
        "created": when,
        "updated": when,
        "text": "",
        "tags": [],
        "shared": True,
        "references": [],
        "revision": 1,
    }
    annotation = Annotation(
        user_id=user.id,
        group_id=(group or make_world_group(session)).id,
        document_id=document_id,
        target_uri=target_uri,
        target_uri_normalized=normalized,
        target_uri_hash=uri.uri_hash(normalized),
        target_selectors=orjson.dumps(selectors).decode() if selectors else None,
        extra=orjson.dumps(extra).decode() if extra else None,
        **(values | columns),
    )
    session.add(annotation)
    session.flush()
    return annotation


def make_access_token(
    session: Session, *, user: User, source: str = "code", expires: datetime | None = None, grant_id: UUID | None = None
) -> str:
    """Insert a grant with an access token and return the token in clear; without `expires` it never ends."""
    token = new_token("5768-")
    grant = Grant(id=grant_id or uuid4(), user_id=user.id, source=source, created=START)
    session.add(grant)
    session.flush()
    session.add(Token(grant_id=grant.id, access_hash=hash_token(token), access_expires=expires, created=START))
    session.flush()
    return token


def recorded_events(session: Session) -> list[Event]:
    """Return the events in the outbox, in order."""
    rows = session.execute(select(OutboxEvent.type, OutboxEvent.payload).order_by(OutboxEvent.id))
    events = [catalog.decode(event_type, orjson.loads(payload)) for event_type, payload in rows]
    return [event for event in events if event is not None]
