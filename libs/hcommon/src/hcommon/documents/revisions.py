"""The revision of pages: whether anything that a read of them shows has changed since it was read.

See `models.DocumentRevision` for what raises it.
"""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Connection,
    bindparam,
    case,
    exists,
    func,
    literal,
    null,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import UUID as PG_UUID

from hcommon.db.prepared import prepared
from hcommon.db.types import UUIDArray
from hcommon.models import Annotation, DocumentRevision, DocumentURI
from hcommon.models.document import EVERY_DOCUMENT
from hcommon.uri import VersionedURI, normalize, uri_hash

ORPHANED: Final = -1
"""The page has annotations, but no document knows it any more: its claims were withdrawn."""


class PageRevision(NamedTuple):
    """The state of one page.

    Attributes:
        document_id: The document that knows the page's URI; `ORPHANED`; or None for a page without annotations.
        revision: The document's revision; 0 while nothing has changed.
        everything: That of changes which may show anywhere.
    """

    document_id: int | None
    revision: int
    everything: int

    @property
    def is_certain(self) -> bool:
        """Return whether nothing of the page can change without its revision."""
        return self.document_id != ORPHANED


_asked = func.unnest(bindparam("uri_hashes", type_=UUIDArray())).table_valued("uri_hash", name="asked").render_derived()
_edge = select(DocumentURI.document_id).where(DocumentURI.uri_hash == _asked.c.uri_hash).limit(1).lateral("edge")
_annotated = exists().where(Annotation.target_uri_hash == _asked.c.uri_hash)
_document_id = func.coalesce(_edge.c.document_id, case((_annotated, ORPHANED)))
_of_pages = (
    select(_asked.c.uri_hash, _document_id, DocumentRevision.revision)
    .select_from(_asked)
    .outerjoin(_edge, true())
    .outerjoin(DocumentRevision, DocumentRevision.document_id == _edge.c.document_id)
)
_of_everything = select(null().cast(PG_UUID()), literal(EVERY_DOCUMENT, BigInteger()), DocumentRevision.revision).where(
    DocumentRevision.document_id == EVERY_DOCUMENT
)
_statement = prepared(union_all(_of_pages, _of_everything))


def page_hashes(uris: Iterable[VersionedURI]) -> set[UUID]:
    """Return the hashes by which pages are known, whatever version of them is meant."""
    return {uri_hash(normalize(page.uri)) for page in uris}


def page_revisions(connection: Connection, uri_hashes: Iterable[UUID]) -> Mapping[UUID, PageRevision]:
    """Return the revision of each page, all of one moment.

    A read that was kept beside the revision seen before it began shows nothing old while the revision is the same.
    """
    found = {}
    everything = 0
    for page, document_id, revision in connection.execute(_statement, {"uri_hashes": list(uri_hashes)}):
        if page is None:
            everything = revision
        else:
            found[page] = (document_id, revision or 0)
    return {page: PageRevision(*state, everything) for page, state in found.items()}
