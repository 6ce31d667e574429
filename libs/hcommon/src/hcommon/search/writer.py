"""What writes search documents: one implementation a backend."""

from collections.abc import Collection, Mapping
from typing import Protocol
from uuid import UUID

from hcommon.errors import UnavailableError
from hcommon.search.document import Batch


class IndexUnavailableError(UnavailableError):
    """Elasticsearch is away, refuses or answers nonsense; the same request may succeed later."""


class SearchWriter(Protocol):
    """Keeps a search index; external versions make late and repeated writes harmless."""

    def write(self, batch: Batch) -> None:
        """Write the documents and removals, unless the index has a newer revision.

        Raises:
            UnavailableError: The index is away; part of the batch may have been written.
        """
        ...

    def revisions(self, *, after: UUID | None, upto: UUID | None) -> Mapping[UUID, int]:
        """Return the revision of each document in the index whose id is in the range.

        Args:
            after: Ids above this one; None for the first.
            upto: Ids up to this one and it too; None for the last.

        Raises:
            UnavailableError: The index is away.
        """
        ...

    def revisions_of(self, ids: Collection[UUID]) -> Mapping[UUID, int]:
        """Return the revision of each of some annotations that the index has; few enough for one request.

        Raises:
            UnavailableError: The index is away.
        """
        ...
