"""Moving annotations from pages that have a new address to that address, in pieces of a transaction each.

An annotation that was moved is no longer found at the old address, so that a run that was interrupted goes on when it
is started again.
Source: specification of the API, sections 6 (`/admin/documents`) and 7.1.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, cast

import orjson
import sqlalchemy as sa
from hcommon import documents, outbox
from hcommon import uri as uris
from hcommon.errors import HError
from hcommon.events.annotations import AnnotationRefreshed
from hcommon.models import Annotation
from sqlalchemy.orm import Session

CHUNK: Final = 50
"""Annotations of one transaction."""

_KEYS: Final = frozenset({"url", "document", "selectors"})
_table: Final = cast("sa.Table", Annotation.__table__)


class InvalidMoveError(HError):
    """An address cannot be moved like this."""


@dataclass(frozen=True, slots=True)
class Move:
    """Where the annotations of one page go.

    Attributes:
        old: Address that they have; any spelling of it.
        new: Address that they get.
        document: Claims about the page, as `document` of an annotation.
        selectors: Selectors that those with selectors get in addition; page notes and replies get none.
    """

    old: str
    new: str
    document: Mapping[str, Any] = field(default_factory=dict)
    selectors: tuple[Mapping[str, Any], ...] = ()


def moves_of(values: object) -> list[Move]:
    """Return what JSON of the form `{old_url: {"url": …, "document": …, "selectors": […]}}` asks for.

    Raises:
        InvalidMoveError: It asks for something else; the reason names the address.
    """
    if not isinstance(values, dict):
        raise InvalidMoveError("This must be an object of old addresses and what becomes of each.")
    return [_move(old, wanted) for old, wanted in values.items()]


def move_some(session: Session, *, move: Move, now: datetime, chunk: int = CHUNK) -> int:
    """Move the next annotations, and return how many; 0 when none is left. Their dates stay.

    Raises:
        InvalidURIError: An address cannot be one.
    """
    old_hash = uris.uri_hash(uris.normalize(move.old))
    normalized = uris.normalize(move.new)
    at_old = sa.and_(_table.c.target_uri_hash == old_hash, _table.c.target_uri != move.new)
    rows = session.execute(
        sa.select(_table.c.id, _table.c.user_id, _table.c.target_selectors)
        .where(at_old)
        .order_by(_table.c.id)
        .limit(chunk)
    ).all()
    claims = documents.claims_of(dict(move.document), claimant=move.new)
    # Documents are locked before annotations, see `documents.store`.
    at = [documents.store(session, claims=claims, user_id=row.user_id, annotation_id=row.id, now=now) for row in rows]
    for row, document_id in zip(rows, at, strict=True):
        revision = session.execute(
            sa.update(_table)
            .where(_table.c.id == row.id, at_old)
            .values(
                target_uri=move.new,
                target_uri_normalized=normalized,
                target_uri_hash=uris.uri_hash(normalized),
                document_id=document_id,
                target_selectors=_selectors(row.target_selectors, move),
                revision=_table.c.revision + 1,
            )
            .returning(_table.c.revision, _table.c.deleted)
        ).first()
        if revision is not None and not revision.deleted:
            outbox.record(
                session, AnnotationRefreshed(occurred_at=now, annotation_id=row.id, revision=revision.revision)
            )
    return len(rows)


def _selectors(stored: str | None, move: Move) -> str | None:
    if stored is None or not move.selectors:
        return stored
    added = orjson.dumps(move.selectors).decode()[1:-1]
    kept = stored.rstrip().removesuffix("]").rstrip()
    return f"{kept}, {added}]" if kept != "[" else f"[{added}]"


def _move(old: str, wanted: object) -> Move:
    if not isinstance(wanted, dict) or not isinstance(wanted.get("url"), str) or not _KEYS.issuperset(wanted):
        raise InvalidMoveError(f"{old}: must be an object with `url`, and perhaps `document` and `selectors`.")
    document, selectors = wanted.get("document", {}), wanted.get("selectors", [])
    if not isinstance(document, dict):
        raise InvalidMoveError(f"{old}: `document` must be an object.")
    if not isinstance(selectors, list) or not all(isinstance(one, dict) and "type" in one for one in selectors):
        raise InvalidMoveError(f"{old}: `selectors` must be an array of objects, each with its `type`.")
    for address in (old, wanted["url"]):
        if not uris.is_http(address):
            raise InvalidMoveError(f"{address}: only http and https addresses can be moved.")
        try:
            uris.normalize(address)
        except uris.InvalidURIError as error:
            raise InvalidMoveError(f"{address}: {error.reason}") from error
    return Move(old=old, new=wanted["url"].strip(), document=document, selectors=tuple(selectors))
