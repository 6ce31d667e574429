"""Periodic tasks that remove what nobody needs any more, in chunks of a transaction each until none is left."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from hcommon import outbox
from hcommon.events.accounts import UserDeleted
from hcommon.events.lifecycle import GroupDeleted
from hcommon.features import FEATURES
from hcommon.logging import get_logger
from hcommon.models import (
    Annotation,
    AuthzCode,
    DocumentURI,
    Feature,
    Flag,
    Grant,
    Group,
    MailReceipt,
    Mention,
    Notification,
    OutboxEvent,
    Token,
    User,
)
from sqlalchemy import ColumnElement, Executable, and_, delete, exists, or_, select, update

from hworker import metrics as names
from hworker.context import Context
from hworker.tasks.chunks import in_chunk

CHUNK: Final = 1000

KEEP_DELETED_ANNOTATIONS: Final = timedelta(hours=1, minutes=10)
"""Elasticsearch remembers the version of a deleted document for an hour (`index.gc_deletes`); until then a late event
finds the row and does no harm."""

KEEP_TOLD: Final = timedelta(days=1)
"""People who mail others through their annotations are held to so much a day (`notices`); what they delete goes on
counting until then, since the records of it go with the annotation."""

KEEP_PUBLISHED: Final = timedelta(hours=48)
"""How far back `h queues replay --since` reaches."""

KEEP_RECEIPTS: Final = timedelta(days=30)
"""Events are replayed within 48 hours, dead letters whenever somebody looks at them."""

GRACE: Final = timedelta(hours=1)
"""A grant without tokens is left alone this long: its first token may be on the way."""

KEEP_EXPIRED: Final = timedelta(days=1)
"""A clock that is ahead for less signs nobody out: what it takes to be expired is valid again when it is put right."""

_log = get_logger(__name__)


def purge_tokens(context: Context) -> None:
    """Remove tokens of which access and refresh expired a while ago, then grants that are left without a token."""
    now = context.clock.now()
    _purge(context, "token", lambda: _delete_some(Token, *_expired(now - KEEP_EXPIRED)))
    unused = and_(Grant.created < now - GRACE, ~exists().where(Token.grant_id == Grant.id))
    _purge(context, "grant", lambda: _delete_some(Grant, unused))


def purge_authz_codes(context: Context) -> None:
    """Remove authorization codes that have expired."""
    expired = AuthzCode.expires < context.clock.now()
    _purge(context, "authz_code", lambda: _delete_some(AuthzCode, expired))


def purge_deleted_annotations(context: Context) -> None:
    """Remove annotations that were deleted a while ago, for good."""
    now = context.clock.now()
    old = Annotation.updated < now - KEEP_DELETED_ANNOTATIONS
    # Of an account that is deleted, nothing has to be counted.
    counts = exists().where(User.id == Annotation.user_id, User.deleted.is_(False))
    told = and_(counts, or_(*[_lately(record, now - KEEP_TOLD) for record in (Notification, Flag)]))
    _purge(context, "annotation", lambda: _delete_some(Annotation, Annotation.deleted, old, ~told))


def _lately(record: type[Notification | Flag], since: datetime) -> ColumnElement[bool]:
    return exists().where(record.annotation_id == Annotation.id, record.created > since)


def purge_mail_receipts(context: Context) -> None:
    """Forget which mails were sent for events that cannot come again any more."""
    old = MailReceipt.created < context.clock.now() - KEEP_RECEIPTS
    _purge(context, "mail_receipt", lambda: _delete_some(MailReceipt, old))


def purge_deleted_groups(context: Context) -> None:
    """Remove deleted groups of which every annotation is purged; see that the others are being emptied."""
    _resume(context, Group, Annotation.group_id == Group.id, GroupDeleted, "group_id")
    empty = ~exists().where(Annotation.group_id == Group.id)
    _purge(context, "group", lambda: _delete_some(Group, Group.deleted, empty))


def purge_deleted_users(context: Context) -> None:
    """Remove deleted accounts of which every annotation is purged, with what is left of them.

    What may be much is removed in chunks before; the rest goes with the account's row. Accounts that still have
    annotations are emptied first.
    """
    _resume(context, User, Annotation.user_id == User.id, UserDeleted, "user_id")
    empty = ~exists().where(Annotation.user_id == User.id)
    gone = select(User.id).where(User.deleted, empty)
    for model, owner in ((Grant, Grant.user_id), (Notification, Notification.recipient_id), (Mention, Mention.user_id)):
        _purge(context, model.__tablename__, partial(_delete_some, model, owner.in_(gone)))
    claims = select(DocumentURI.id).where(DocumentURI.user_id.in_(gone)).limit(CHUNK).with_for_update(skip_locked=True)
    disown = update(DocumentURI).where(in_chunk(DocumentURI.id, claims)).values(user_id=None).returning(DocumentURI.id)
    _purge(context, "claim", lambda: disown)
    _purge(context, "user", lambda: _delete_some(User, User.deleted, empty))


def purge_removed_features(context: Context) -> None:
    """Forget how flags were switched that this release does not have any more, and which cohorts they were on for.

    Source: specification of the API, section 2.9.
    """
    unknown = delete(Feature).where(Feature.name.not_in(FEATURES)).returning(Feature.name)
    _purge(context, "feature", lambda: unknown)


def purge_outbox(context: Context) -> None:
    """Remove events that were published long ago."""
    old = OutboxEvent.published_at < context.clock.now() - KEEP_PUBLISHED
    _purge(context, "outbox", lambda: _delete_some(OutboxEvent, old))


def _resume(context: Context, model: type[Any], of_it: Any, event: type[UserDeleted | GroupDeleted], key: str) -> None:
    """Have deleted things emptied that still hold annotations, whatever became of the event that was to do it."""
    now = context.clock.now()
    left = select(model.id).where(model.deleted, exists().where(of_it, Annotation.deleted.is_(False)))
    with context.database.transaction() as session:
        for subject_id in session.scalars(left.order_by(model.id).limit(CHUNK)).all():
            outbox.record(session, event.model_validate({"occurred_at": now, key: subject_id}))


def _expired(now: datetime) -> tuple[Any, ...]:
    return (Token.access_expires < now, or_(Token.refresh_expires.is_(None), Token.refresh_expires < now))


def _delete_some(model: type[Any], *conditions: Any) -> Executable:
    """Return the statement that deletes a chunk, leaving what somebody else holds for the next time."""
    some = select(model.id).where(*conditions).limit(CHUNK).with_for_update(skip_locked=True)
    return delete(model).where(in_chunk(model.id, some)).returning(model.id)


def _purge(context: Context, table: str, statement: Callable[[], Executable]) -> None:
    total = 0
    while not context.stop.is_set():
        with context.database.transaction() as session:
            removed = len(session.execute(statement()).all())
        total += removed
        if removed < CHUNK:
            break
    if total:
        _log.info("rows_purged", table=table, count=total)
        context.metrics.count(names.ROWS_PURGED, total, table=table)
