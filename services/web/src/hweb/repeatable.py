"""Routes that are run again when PostgreSQL ended their transaction in favour of another.

Writers lock annotations and the revisions of documents, which triggers raise, in an order that depends on what they
change, so two of them may wait for each other. PostgreSQL finds that out and ends one, of which nothing is left: run
again, it does what it would have done had it come a moment later.
"""

from collections.abc import Callable, Coroutine
from typing import Any, Final

from fastapi import Request
from fastapi.routing import APIRoute
from hcommon.db.engine import DatabaseConflictError
from hcommon.logging import get_logger
from starlette.responses import Response

TRIES: Final = 3

_log = get_logger(__name__)


class RepeatableRoute(APIRoute):
    """A route that does all it does in one transaction, and nothing outside of the database."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers requests; their bodies are kept, so that they can be read again."""
        answer = super().get_route_handler()

        async def answer_in_the_end(request: Request) -> Response:
            for _ in range(TRIES - 1):
                try:
                    return await answer(request)
                except DatabaseConflictError:
                    _log.warning("transaction_repeated", route=self.name)
            return await answer(request)

        return answer_in_the_end
