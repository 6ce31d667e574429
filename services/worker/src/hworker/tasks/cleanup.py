"""Periodic tasks that remove what nobody needs any more, in chunks of a transaction each until none is left."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, Final

from hcommon.logging import get_logger
from hcommon.models import Annotation, AuthzCode, Grant, OutboxEvent, Token
from sqlalchemy import Executable, and_, delete, exists, or_, select

from hworker import metrics as names
from hworker.context import Context

CHUNK: Final = 1000

KEEP_DELETED_ANNOTATIONS: Final = timedelta(hours=1, minutes=10)
"""Elasticsearch remembers the version of a deleted document for an hour (`index.gc_deletes`); until then a late event
finds the row and does no harm."""

KEEP_PUBLISHED: Final = timedelta(hours=48)
"""How far back `h queues replay --since` reaches."""

GRACE: Final = timedelta(hours=1)
"""A grant without tokens is left alone this long: its first token may be on the way."""

_log = get_logger(__name__)


def purge_tokens(context: Context) -> None:
    """Remove tokens of which access and refresh have both expired, then grants that are left without a token."""
    now = context.clock.now()
    _purge(context, "token", lambda: _delete_some(Token, *_expired(now)))
    unused = and_(Grant.created < now - GRACE, ~exists().where(Token.grant_id == Grant.id))
    _purge(context, "grant", lambda: _delete_some(Grant, unused))


def purge_authz_codes(context: Context) -> None:
    """Remove authorization codes that have expired."""
    expired = AuthzCode.expires < context.clock.now()
    _purge(context, "authz_code", lambda: _delete_some(AuthzCode, expired))


def purge_deleted_annotations(context: Context) -> None:
    """Remove annotations that were deleted a while ago, for good."""
    old = Annotation.updated < context.clock.now() - KEEP_DELETED_ANNOTATIONS
    _purge(context, "annotation", lambda: _delete_some(Annotation, Annotation.deleted, old))


def purge_outbox(context: Context) -> None:
    """Remove events that were published long ago."""
    old = OutboxEvent.published_at < context.clock.now() - KEEP_PUBLISHED
    _purge(context, "outbox", lambda: _delete_some(OutboxEvent, old))


def _expired(now: datetime) -> tuple[Any, ...]:
    return (Token.access_expires < now, or_(Token.refresh_expires.is_(None), Token.refresh_expires < now))


def _delete_some(model: type[Any], *conditions: Any) -> Executable:
    """Return the statement that deletes a chunk, leaving what somebody else holds for the next time."""
    some = select(model.id).where(*conditions).limit(CHUNK).with_for_update(skip_locked=True)
    return delete(model).where(model.id.in_(some)).returning(model.id)


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
