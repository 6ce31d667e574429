"""Which URIs are the same document: for readers."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import Connection
from sqlalchemy.orm import Session

from hcommon import uri
from hcommon.documents import statements


def equivalent_hashes(connection: Connection | Session, *, uris: Iterable[str]) -> frozenset[UUID]:
    """Return `uri.uri_hash` of these URIs and of every other one that their documents are known under; one statement.

    A URI that a page names as its canonical one, spelt exactly so, stands for itself alone.

    Raises:
        InvalidURIError: One of them can't be a URI.

    Source: specification of the API, section 4.3 with its corrections in section 14.
    """
    asked = {text: uri.uri_hash(uri.normalize(text)) for text in uris}
    if not asked:
        return frozenset()
    parameters = {"uris": list(asked), "uri_hashes": list(asked.values())}
    return frozenset(connection.execute(statements.EQUIVALENT, parameters).scalars())
