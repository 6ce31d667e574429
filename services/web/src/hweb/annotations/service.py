"""What authors do with their annotations: one function an action, each in the caller's transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, cast
from uuid import UUID

import orjson
import sqlalchemy as sa
from hcommon import checkpoints, documents, outbox
from hcommon import uri as uris
from hcommon.auth import Principal
from hcommon.db.prepared import prepared
from hcommon.errors import ErrorKind, HError
from hcommon.events.annotations import AnnotationCreated, AnnotationDeleted, AnnotationUpdated
from hcommon.ids import InvalidIdError, annotation_id_from_urlsafe, new_annotation_id
from hcommon.models import Annotation, ModerationLog
from hcommon.presentation.annotation import LinkSettings, present_all
from sqlalchemy import Connection
from sqlalchemy.orm import Session

from hweb.annotations import mentions, queries, rules
from hweb.annotations.checks import InvalidAnnotationError, encode
from hweb.annotations.queries import GroupRules
from hweb.annotations.schemas import AnnotationChange, Content, NewAnnotation

_NOT_FOUND: Final = "There is no such annotation."

# Tables, not classes: no unit of work is wanted, and what it costs is most of a statement's time.
_table: Final = cast("sa.Table", Annotation.__table__)
_insert: Final = prepared(sa.insert(_table))
_insert_log: Final = sa.insert(cast("sa.Table", ModerationLog.__table__))
_update: Final = (
    sa.update(_table).where(queries.IS_OWN).values(revision=_table.c.revision + 1).returning(_table.c.revision)
)


class AnnotationNotFoundError(HError):
    """There is no such annotation, or it is not for this user to change."""

    kind = ErrorKind.NOT_FOUND


def key_of(annotation_id: str) -> UUID:
    """Return the key of an annotation named in an address.

    Raises:
        AnnotationNotFoundError: No annotation can have that id.
    """
    try:
        return annotation_id_from_urlsafe(annotation_id)
    except InvalidIdError as error:
        raise AnnotationNotFoundError(error.reason) from error


def readable(connection: Connection | Session, *, annotation_id: UUID, principal: Principal) -> sa.RowMapping:
    """Return an annotation that the principal may see, ready for presentation.

    Raises:
        AnnotationNotFoundError: There is none, or it is not for this principal.
    """
    row = queries.readable(connection, annotation_id=annotation_id, principal=principal)
    if row is None:
        raise AnnotationNotFoundError(_NOT_FOUND)
    return row


def presented(
    connection: Connection | Session, *, annotation_id: UUID, principal: Principal, links: LinkSettings
) -> dict[str, Any]:
    """Return an annotation as the API shows it to the principal; in a transaction, as it has just been changed.

    Raises:
        AnnotationNotFoundError: There is none, or it is not for this principal.
    """
    row = readable(connection, annotation_id=annotation_id, principal=principal)
    return present_all([row], principal=principal, links=links)[0]


def create(
    session: Session, *, author: Principal, annotation: NewAnnotation, now: datetime, client_id: str | None = None
) -> UUID:
    """Save a new annotation and return its id.

    A reply goes to the group of its thread's root, and is about the same version of the document unless it names one.

    Args:
        session: The caller's transaction.
        author: Who writes; not anonymous.
        annotation: What.
        now: When.
        client_id: The browser tab that must not hear its own echo.

    Raises:
        AnnotationNotFoundError: The author is anonymous.
        InvalidAnnotationError: The group or the root can't be used.
    """
    user_id = _user_id(author)
    content = annotation.content
    version = content.document_version
    if annotation.references:
        root = queries.root(session, annotation_id=annotation.references[0])
        if root is None:
            raise InvalidAnnotationError("references.0: there is no such annotation")
        group = root.group
        if version is None:
            version = root.document_version
    else:
        found = queries.group(session, name=annotation.group)
        if found is None:
            raise InvalidAnnotationError(rules.NO_SUCH_GROUP)
        group = found
    rules.check_writeable(author, group, annotation.uri)
    shared = rules.is_shared(content.read or (), group, named=annotation.group)
    annotation_id = new_annotation_id(now=now)
    document_id = documents.store(
        session,
        claims=documents.claims_of(content.document or {}, claimant=annotation.uri),
        user_id=user_id,
        annotation_id=annotation_id,
        now=now,
    )
    session.execute(
        _insert,
        {
            "id": annotation_id,
            "created": now,
            "updated": now,
            "user_id": user_id,
            "group_id": group.id,
            "document_id": document_id,
            "text": content.text or "",
            "tags": content.tags or [],
            "shared": shared,
            "references": annotation.references,
            "target_selectors": content.target.selectors if content.target else None,
            "target_description": content.target.description if content.target else None,
            "extra": encode(content.extra, path="extra") if content.extra else None,
            "client_metadata": content.metadata,
            "document_version": version or None,
            "moderation_status": rules.first_status(group) if shared else None,
            "revision": 1,
            **_uri_columns(annotation.uri),
        },
    )
    if group.sealing:
        checkpoints.reseal(session, group_ids=[group.id], document_id=document_id, fresh_id=annotation_id, now=now)
    if content.text:
        mentions.record(session, annotation_id=annotation_id, text=content.text, now=now)
    outbox.record(
        session, AnnotationCreated(occurred_at=now, client_id=client_id, annotation_id=annotation_id, revision=1)
    )
    return annotation_id


def update(
    session: Session,
    *,
    author: Principal,
    annotation_id: UUID,
    change: AnnotationChange,
    now: datetime,
    client_id: str | None = None,
) -> None:
    """Change what `change` names; everything else stays.

    Args:
        session: The caller's transaction.
        author: Who changes it.
        annotation_id: Which annotation.
        change: What is to become of it.
        now: When.
        client_id: The browser tab that must not hear its own echo.

    Raises:
        AnnotationNotFoundError: There is none that is this author's and not deleted.
        InvalidAnnotationError: The author can no longer write to its group, or the group is about other pages.
    """
    user_id = _user_id(author)
    found = queries.own(session, annotation_id=annotation_id, user_id=user_id)
    if found is None:
        raise AnnotationNotFoundError(_NOT_FOUND)
    uri = found.target_uri if change.uri is None else change.uri
    rules.check_writeable(author, found.group, uri)
    columns: dict[str, Any] = {}
    if change.uri is not None:
        columns |= _uri_columns(uri)
    if change.uri is not None or change.content.document is not None:
        # Documents are locked before annotations, see `documents.store`.
        columns["document_id"] = documents.store(
            session,
            claims=documents.claims_of(change.content.document or {}, claimant=uri),
            user_id=user_id,
            annotation_id=annotation_id,
            now=now,
        )
    current = queries.lock_own(session, annotation_id=annotation_id, user_id=user_id)
    if current is None:
        raise AnnotationNotFoundError(_NOT_FOUND)
    if change.uri is None and current["target_uri"] != uri:
        # Moved to another page by a change at the same time.
        columns.pop("document_id", None)
    columns |= _content_columns(change.content, current, found.group)
    if change.content.text is not None:
        if current["may_mention"]:
            mentions.forget(session, annotation_id=annotation_id)
        mentions.record(session, annotation_id=annotation_id, text=change.content.text, now=now)
    revision = _touch(session, user_id, annotation_id, now=now, values=columns)
    _log_status(session, annotation_id, current["moderation_status"], columns, now=now)
    outbox.record(
        session,
        AnnotationUpdated(
            occurred_at=now,
            client_id=client_id,
            annotation_id=annotation_id,
            revision=revision,
            before=queries.before_of(current),
        ),
    )
    if found.group.sealing and "document_id" in columns:
        document_id = columns["document_id"]
        checkpoints.reseal(
            session, group_ids=[found.group.id], document_id=document_id, fresh_id=annotation_id, now=now
        )


def delete(
    session: Session, *, author: Principal, annotation_id: UUID, now: datetime, client_id: str | None = None
) -> None:
    """Delete an annotation; its replies stay, and the row too until it is purged.

    Raises:
        AnnotationNotFoundError: There is none that is this author's and not deleted already.
    """
    revision = _touch(session, _user_id(author), annotation_id, now=now, values={"deleted": True})
    outbox.record(
        session,
        AnnotationDeleted(occurred_at=now, client_id=client_id, annotation_id=annotation_id, revision=revision),
    )


def _user_id(author: Principal) -> int:
    if author.user_id is None:
        raise AnnotationNotFoundError(_NOT_FOUND)
    return author.user_id


def _uri_columns(uri: str) -> dict[str, Any]:
    normalized = uris.normalize(uri)
    return {
        "target_uri": uri,
        "target_uri_normalized": normalized,
        "target_uri_hash": uris.uri_hash(normalized),
    }


def _content_columns(content: Content, current: Mapping[Any, Any], group: GroupRules) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    if content.text is not None:
        columns["text"] = content.text
    if content.tags is not None:
        columns["tags"] = content.tags
    if content.target is not None:
        columns["target_selectors"] = content.target.selectors
        columns["target_description"] = content.target.description
    if content.metadata is not None:
        columns["client_metadata"] = content.metadata
    if content.document_version is not None:
        columns["document_version"] = content.document_version or None
    if content.extra:
        merged = (orjson.loads(current["extra"]) if current["extra"] else {}) | content.extra
        columns["extra"] = encode(merged, path="extra")
    shared = current["shared"]
    if content.read is not None:
        columns["shared"] = shared = rules.is_shared(content.read, group, was_shared=shared)
    if shared:
        columns["moderation_status"] = rules.next_status(current["moderation_status"], group)
    return columns


def _touch(session: Session, user_id: int, annotation_id: UUID, *, now: datetime, values: dict[str, Any]) -> int:
    """Write columns of an author's annotation and return its new revision."""
    own = {"annotation_id": annotation_id, "author_id": user_id}
    revision: int | None = session.execute(_update, {"updated": now} | values | own).scalar()
    if revision is None:
        raise AnnotationNotFoundError(_NOT_FOUND)
    return revision


def _log_status(
    session: Session, annotation_id: UUID, old: str | None, columns: Mapping[str, Any], *, now: datetime
) -> None:
    """Log a status that the author's change has led to; none when it is the same."""
    new = columns.get("moderation_status", old)
    if new != old:
        logged = {"annotation_id": annotation_id, "old_status": old, "new_status": new, "created": now}
        session.execute(_insert_log, logged)
