"""Writes the documents of annotations to the search index."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

import orjson
from elasticsearch import Elasticsearch

from hcommon.errors import HError
from hcommon.search.document import Batch
from hcommon.search.elasticsearch.client import IndexMissingError, IndexUnavailableError, error_type, translated_errors
from hcommon.search.elasticsearch.mapping import source_of

REQUEST_BYTES: Final = 4_000_000
"""A request is sent when it has grown to this; Elasticsearch takes a tenth of its heap at a time."""

REVISIONS_AT_ONCE: Final = 10_000

_CONFLICT: Final = 409
_NOT_FOUND: Final = 404
_PASSING: Final = frozenset({403, 408, 429, *range(500, 600)})
"""403 and 429 are blocks too: an index made read-only, a full disk."""


class DocumentRefusedError(HError):
    """The index takes a document on no account: a bug."""


class ElasticsearchWriter:
    """The writer of the Elasticsearch search backend.

    Revisions are external versions: whatever is older than what the index has is a conflict, which is as it should be.
    """

    def __init__(self, client: Elasticsearch, *, index: str, mirror: str | None = None) -> None:
        """Prepare it; nothing connects before it is used.

        Args:
            client: The connection.
            index: The alias that is written.
            mirror: One that is written as well while it exists: the index that is being built.
        """
        self._client = client
        self._index = index
        self._mirror = mirror

    def write(self, batch: Batch) -> None:
        """Write the documents and removals, unless the index has a newer revision.

        Raises:
            IndexUnavailableError: Elasticsearch is away or takes no writes now; a part may have been written.
            DocumentRefusedError: It refuses a document for ever; the others were written.
        """
        if not (batch.documents or batch.removals):
            return
        refused: list[str] = []
        for lines in _requests(batch, self._targets()):
            with translated_errors():
                answer = self._client.bulk(operations=lines, require_alias=True)
                if answer["errors"]:
                    refused += self._refused(answer["items"])
        if refused:
            raise DocumentRefusedError(f"The search index refuses documents: {', '.join(sorted(set(refused)))}")

    def _targets(self) -> list[str]:
        """Return what to write; asked for each batch, for what was read before the mirror appeared is no matter.

        Whoever fills the mirror reads all that was committed before that; and a batch is read before it is written.
        """
        if self._mirror is None:
            return [self._index]
        with translated_errors():
            mirrored = self._client.indices.exists_alias(name=self._mirror)
        return [self._index, self._mirror] if mirrored else [self._index]

    def _refused(self, items: Sequence[Any]) -> list[str]:
        """Return what went wrong for ever.

        Raises:
            IndexUnavailableError: Something went wrong for now.
        """
        found = []
        for item in items:
            ((_, result),) = item.items()
            status, cause = result["status"], error_type(result)
            if status < 300 or status == _CONFLICT or (status == _NOT_FOUND and not cause):  # noqa: PLR2004
                continue
            if status == _NOT_FOUND:
                if result["_index"] == self._mirror:
                    continue  # it became the index itself, or was given up
                raise IndexMissingError("The search index is missing. Create it with: h init")
            if status in _PASSING:
                raise IndexUnavailableError(f"The search index takes no writes now ({cause}).")
            found.append(cause)
        return found

    def revisions(self, *, after: UUID | None, upto: UUID | None) -> Mapping[UUID, int]:
        """Return the revision of each document whose id is in the range `(after, upto]`; None leaves a side open.

        Raises:
            IndexUnavailableError: Elasticsearch is away.
        """
        bounds = {"gt": after.hex if after else None, "lte": upto.hex if upto else None}
        return self._found({"range": {"id": bounds}})

    def revisions_of(self, ids: Collection[UUID]) -> Mapping[UUID, int]:
        """Return the revision of each of some annotations that the index has, at most 65 536 at once.

        Raises:
            IndexUnavailableError: Elasticsearch is away.
        """
        return self._found({"terms": {"id": [annotation_id.hex for annotation_id in ids]}})

    def _found(self, query: dict[str, Any]) -> Mapping[UUID, int]:
        found: dict[UUID, int] = {}
        with translated_errors():
            self._client.indices.refresh(index=self._index)
            last = None
            while True:
                answer = self._client.search(
                    index=self._index,
                    query=query,
                    docvalue_fields=[{"field": "revision"}],
                    stored_fields="_none_",
                    sort="id:asc",
                    search_after=last,
                    size=REVISIONS_AT_ONCE,
                    allow_partial_search_results=False,
                    track_total_hits=False,
                )
                hits = answer["hits"]["hits"]
                found |= {UUID(hex=hit["sort"][0]): int(hit["fields"]["revision"][0]) for hit in hits}
                if len(hits) < REVISIONS_AT_ONCE:
                    return found
                last = hits[-1]["sort"]


def _requests(batch: Batch, targets: Sequence[str]) -> Iterator[list[Any]]:
    """Return the lines of one request after the other, none much larger than it may be."""
    lines: list[bytes] = []
    size = 0
    for operation in _operations(batch, targets):
        if lines and size + sum(map(len, operation)) > REQUEST_BYTES:
            yield lines
            lines, size = [], 0
        lines += operation
        size += sum(map(len, operation))
    yield lines


def _operations(batch: Batch, targets: Sequence[str]) -> Iterator[list[bytes]]:
    for document in batch.documents:
        source = orjson.dumps(source_of(document))
        for target in targets:
            yield [_action("index", target, document.id, document.revision), source]
    for removal in batch.removals:
        for target in targets:
            yield [_action("delete", target, removal.id, removal.revision)]


def _action(kind: str, target: str, annotation_id: UUID, revision: int | None) -> bytes:
    meta: dict[str, Any] = {"_index": target, "_id": annotation_id.hex}
    if revision is not None:
        meta |= {"version": revision, "version_type": "external_gte"}
    return orjson.dumps({kind: meta})
