"""The connection to Elasticsearch, and its failures in our own terms."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

from elastic_transport import BaseNode, Urllib3HttpNode
from elasticsearch import ApiError, Elasticsearch, OrjsonSerializer, TransportError

from hcommon.logging import get_logger
from hcommon.search.writer import IndexUnavailableError as IndexUnavailableError

_NOT_FOUND: Final = 404
_log = get_logger(__name__)


class IndexMissingError(IndexUnavailableError):
    """Elasticsearch is there, and the search index is not."""


def connect(
    url: str, *, timeout_seconds: float, connections: int = 2, plain_node: type[BaseNode] = Urllib3HttpNode
) -> Elasticsearch:
    """Return a client; nothing connects before it is used, and nothing is tried twice.

    Args:
        url: Where Elasticsearch is, with user and password if it asks for them.
        timeout_seconds: How long a request may take.
        connections: Most requests at the same time; as many as there are threads.
        plain_node: What sends them where the address is not `https:`.
    """
    return Elasticsearch(
        url,
        request_timeout=timeout_seconds,
        max_retries=0,
        retry_on_timeout=False,
        connections_per_node=connections,
        serializer=OrjsonSerializer(),
        node_class=Urllib3HttpNode if url.startswith("https:") else plain_node,
    )


@contextmanager
def translated_errors() -> Iterator[None]:
    """Raise every failure of Elasticsearch as one of ours.

    Raises:
        IndexMissingError: There is no search index.
        IndexUnavailableError: Anything else.
    """
    try:
        yield
    except ApiError as error:
        cause = error_type(error.body)
        _log.warning("elasticsearch_refused", status=error.meta.status, error=cause)
        if error.meta.status == _NOT_FOUND:
            raise IndexMissingError("The search index is missing. Create it with: h init") from error
        raise IndexUnavailableError("The search index is not available now.") from error
    except TransportError as error:
        _log.warning("elasticsearch_away", error=type(error).__name__)
        raise IndexUnavailableError("The search index is not available now.") from error
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        _log.warning("elasticsearch_answers_nonsense", error=repr(error)[:200])
        raise IndexUnavailableError("The search index gives no sensible answers now.") from error


def error_type(body: Any) -> str:
    """Return what Elasticsearch calls the failure in an answer, as far as there is an answer."""
    error = body.get("error") if isinstance(body, Mapping) else None
    return str(error.get("type", "")) if isinstance(error, Mapping) else ""
