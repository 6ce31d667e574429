"""Splits a document: claims that joined its URIs wrongly are withdrawn, and it falls apart into what is left of it.

Nothing is destroyed: withdrawn claims are kept aside with who made them, with which annotation and when. They are not
taken on again, so that the next annotation of the page does not join what was split.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Connection, RowMapping
from sqlalchemy.orm import Session

from hcommon import uri as uris
from hcommon.documents import split_statements as statements
from hcommon.documents.statements import LOCK_DOCUMENTS, LOCK_URIS
from hcommon.documents.store import MERGE_KEY


@dataclass(frozen=True, slots=True)
class Part:
    """What a document has become, or a part of it.

    Attributes:
        uri: One of its URIs.
        annotations: How many it has, deleted ones included.
    """

    document_id: int
    uri: str
    annotations: int


@dataclass(frozen=True, slots=True)
class Split:
    """What was done.

    Attributes:
        withdrawn: How many claims; other users' claims of the same count too.
        parts: The documents that are left, at least one unless the document had vanished.
    """

    withdrawn: int
    parts: tuple[Part, ...]


def document_of(connection: Connection | Session, *, uri: str) -> int | None:
    """Return the document that knows a URI, or None.

    Raises:
        InvalidURIError: It can't be a URI.
    """
    uri_hash = uris.uri_hash(uris.normalize(uri))
    found: int | None = connection.execute(statements.DOCUMENT_OF, {"uri_hash": uri_hash}).scalar()
    return found


def joining_claims(connection: Connection | Session, *, document_id: int) -> Sequence[RowMapping]:
    """Return what joins the URIs of a document: a row a pair of URIs, the oldest claim first.

    Columns: `id` (of the oldest claim), `claimant`, `uri`, `types`, `users` (how many claim it), `username` and
    `authority` (who did first; None once the account is purged), `annotation_id` (with which annotation), `created`.
    """
    return connection.execute(statements.JOINING, {"document_id": document_id}).mappings().all()


def split(
    session: Session, *, document_id: int, claim_ids: Iterable[int] = (), user_id: int | None = None, now: datetime
) -> Split:
    """Withdraw claims and let the document fall apart into the pages that the remaining ones join.

    Args:
        session: The caller's transaction.
        document_id: The document.
        claim_ids: Claims of it; whoever else claims the same two URIs to be one page is withdrawn too, for good.
        user_id: All claims of this user are withdrawn, and not taken on again from this user; those of others stay.
        now: When.
    """
    # After merges, which look up anew when they have this lock; and alone with the document.
    session.execute(LOCK_URIS, {"keys": [MERGE_KEY]})
    session.execute(LOCK_DOCUMENTS, {"documents": [document_id]})
    asked = {"document_id": document_id, "claim_ids": list(claim_ids), "user_id": user_id, "now": now}
    withdrawn: int = session.execute(statements.WITHDRAW, asked).scalar_one()
    components = _components(session.execute(statements.LINKS, {"document_id": document_id}).all())
    if len(components) > 1:
        documents = [_fall_off(session, document_id, component) for component in components]
        session.execute(statements.DELETE_DOCUMENT, {"document_id": document_id})
    else:
        documents = [document_id]
    parts = session.execute(statements.PARTS, {"documents": documents}).mappings()
    return Split(withdrawn=withdrawn, parts=tuple(Part(**part) for part in parts))


def _fall_off(session: Session, document_id: int, component: Sequence[UUID]) -> int:
    """Move a component into a document of its own and return that.

    All of them move: whoever waits for the old document finds it gone, and looks anew for where a page is now.
    """
    values: Mapping[str, Any] = {"document_id": document_id, "hashes": list(component)}
    made: int = session.execute(statements.MAKE_DOCUMENT, values).scalar_one()
    for statement in (statements.MOVE_URIS, statements.MOVE_METAS, statements.MOVE_ANNOTATIONS):
        session.execute(statement, {**values, "made": made})
    return made


def _components(links: Iterable[Sequence[UUID]]) -> list[list[UUID]]:
    """Return the sets of URIs that links join, in the order in which their first one comes."""
    neighbours: dict[UUID, set[UUID]] = {}
    for one, other in links:
        neighbours.setdefault(one, set()).add(other)
        neighbours.setdefault(other, set()).add(one)
    components = []
    seen: set[UUID] = set()
    for start in neighbours:
        if start in seen:
            continue
        seen.add(start)
        component, waiting = [], [start]
        while waiting:
            component.append(node := waiting.pop())
            fresh = neighbours[node] - seen
            seen |= fresh
            waiting += fresh
        components.append(component)
    return components
