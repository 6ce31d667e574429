"""Recording claims: finds or makes the document of a page, and merges documents that turn out to be one.

A document is a connected component of claims: every URI belongs to at most one. Three rules keep that true with any
number of writers, and none of them can wait for another in a circle:

- Whoever adds a URI to a document holds the advisory lock of that URI's hash. All locks that a writer needs are taken
  at once, in order.
- Whoever merges documents holds one more lock, taken after those, and then the rows of the documents in order.
- Whoever has found a document holds its row FOR KEY SHARE: it can't be merged away, and writers don't disturb each
  other.

So a writer looks; finds something missing, takes the next lock and looks again. The usual case, a further annotation
of a known page, takes no advisory lock and writes nothing here.

What one person's claims can do is limited: a claim only ever adds, title and spelling of earlier ones stay, each keeps
who made it and with which annotation, and one annotation claims no more than `MAX_URI_CLAIMS` URIs.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy.orm import Session

from hcommon.documents import statements
from hcommon.documents.claims import DocumentClaims, URIClaim

ENOUGH_WITNESSES: Final = 20
"""A claim that so many users have made is not recorded again for further ones: a page that everybody annotates would
otherwise have more claims than readers could follow."""

REFRESH_AFTER: Final = timedelta(days=1)
"""How old `updated` of a user's claim gets before the same claim sets it anew."""

MERGE_KEY: Final = 0x68_2E_6D_65_72_67_65  # "h.merge"
"""Advisory lock: one transaction at a time merges or splits documents."""


@dataclass(frozen=True, slots=True)
class _Found:
    """What the database knows of some claims.

    Attributes:
        documents: Those that know any of the URIs, the oldest first.
        missing: Claims to be recorded.
    """

    documents: list[int]
    missing: list[URIClaim]


def store(session: Session, *, claims: DocumentClaims, user_id: int, annotation_id: UUID, now: datetime) -> int:
    """Record claims and return the id of the document; it exists until the transaction ends, whoever merges.

    Call it before locking rows of annotations, which a merge locks after documents.

    Args:
        session: The caller's transaction.
        claims: What was claimed.
        user_id: Who claims it.
        annotation_id: With which annotation; need not exist yet.
        now: When.
    """
    recorder = _Recorder(session, claims, user_id=user_id, annotation_id=annotation_id, now=now)
    locked = merging = False
    while True:
        found = recorder.look_up()
        if len(found.documents) > 1:
            if merging:
                document_id = recorder.merge(found.documents)
                return recorder.record(document_id, claims, found.missing)
            if locked:
                recorder.lock_merges()
                merging = True
                continue
        elif found.documents and (locked or not found.missing):
            document_id = found.documents[0]
            news = recorder.hold(document_id)
            if news is None:
                continue
            if news.metas or found.missing:
                recorder.record(document_id, news, found.missing)
            return document_id
        elif locked:
            return recorder.record(None, claims, found.missing)
        recorder.lock_uris()
        locked = True


class _Recorder:
    """The steps of `store`, each one statement (merging: one a table)."""

    def __init__(
        self, session: Session, claims: DocumentClaims, *, user_id: int, annotation_id: UUID, now: datetime
    ) -> None:
        self._session = session
        self._claims = claims
        self._user_id = user_id
        self._annotation_id = annotation_id
        self._now = now

    def look_up(self) -> _Found:
        claimed = self._claims.uris
        rows = self._execute(
            statements.LOOK_UP,
            claimant_hash=self._claims.claimant_hash,
            user_id=self._user_id,
            fresh_since=self._now - REFRESH_AFTER,
            enough_witnesses=ENOUGH_WITNESSES,
            **_columns(claimed),
        ).all()
        standing = [row for row in rows if not row.withdrawn]
        documents = {row.document_id for row in standing if row.document_id is not None}
        missing = [claimed[row.position - 1] for row in standing if not row.known]
        return _Found(documents=sorted(documents), missing=missing)

    def lock_uris(self) -> None:
        keys = {int.from_bytes(claim.hash.bytes[:8], "big", signed=True) for claim in self._claims.uris}
        self._execute(statements.LOCK_URIS, keys=sorted(keys))

    def lock_merges(self) -> None:
        self._execute(statements.LOCK_URIS, keys=[MERGE_KEY])

    def hold(self, document_id: int) -> DocumentClaims | None:
        """Keep the document from being merged away; return what is new of the metadata, None if it is gone."""
        claims = self._claims
        rows = self._execute(
            statements.HOLD,
            document_id=document_id,
            claimant_hash=claims.claimant_hash,
            meta_types=list(claims.metas),
        ).all()
        if not rows:
            return None
        known = {row.type: tuple(row.value) for row in rows if row.type is not None}
        return replace(claims, metas={name: texts for name, texts in claims.metas.items() if known.get(name) != texts})

    def merge(self, documents: list[int]) -> int:
        """Merge into the oldest document and return its id."""
        kept, *merged = documents
        self._execute(statements.LOCK_DOCUMENTS, documents=documents)
        for statement in (statements.MERGE_URIS, statements.MERGE_METAS, statements.MERGE_ANNOTATIONS):
            self._execute(statement, kept=kept, merged=merged)
        self._execute(statements.MERGE_TITLES, kept=kept, merged=merged, now=self._now)
        self._execute(statements.DELETE_MERGED, merged=merged)
        return kept

    def record(self, document_id: int | None, claims: DocumentClaims, missing: Sequence[URIClaim]) -> int:
        """Record claims and metadata; without a document, in a new one."""
        recorded = self._execute(
            statements.RECORD,
            document_id=document_id,
            title=claims.title,
            claimant=claims.claimant,
            claimant_hash=claims.claimant_hash,
            user_id=self._user_id,
            annotation_id=self._annotation_id,
            now=self._now,
            uris=[claim.uri for claim in missing],
            normalized=[claim.normalized for claim in missing],
            meta_types=list(claims.metas),
            meta_values=[orjson.dumps(texts).decode() for texts in claims.metas.values()],
            **_columns(missing),
        ).scalar_one()
        return int(recorded)

    def _execute(self, statement: Any, **parameters: Any) -> Any:
        return self._session.execute(statement, parameters)


def _columns(claims: Sequence[URIClaim]) -> dict[str, list[Any]]:
    return {
        "uri_hashes": [claim.hash for claim in claims],
        "types": [claim.type for claim in claims],
        "content_types": [claim.content_type for claim in claims],
    }
