"""JSON answers to plain requests, and what of a request may be logged.

An access token may stand in the query string, so query strings, and Tornado's own messages, which quote them, are
never logged.
"""

from types import TracebackType
from typing import Any, Final

import orjson
from hcommon.logging import get_logger
from tornado.web import HTTPError, RequestHandler

_FIRST_ERROR_STATUS: Final = 400

_log = get_logger(__name__)


class JSONHandler(RequestHandler):
    """Answers every failure with `{"ok": false, "error": …, "reason": …}`."""

    def set_default_headers(self) -> None:
        """Forbid caching, and do not name the server software."""
        self.clear_header("Server")
        self.set_header("Cache-Control", "no-store")

    def answer(self, status: int, body: dict[str, Any]) -> None:
        """Finish with a JSON body."""
        self.set_status(status)
        self.set_header("Content-Type", "application/json; charset=UTF-8")
        self.finish(orjson.dumps(body))

    def write_error(self, status_code: int, **_: Any) -> None:
        """Say what went wrong, without detail."""
        error = {404: "not_found", 405: "method_not_allowed"}.get(status_code, "error")
        self.answer(status_code, {"ok": False, "error": error, "reason": self._reason})

    def log_exception(
        self,
        typ: type[BaseException] | None,
        value: BaseException | None,
        tb: TracebackType | None,
    ) -> None:
        """Log a bug with its traceback, and the path alone of the request."""
        if typ is not None and value is not None and not isinstance(value, HTTPError):
            _log.error("request_failed", path=self.request.path, exc_info=(typ, value, tb))


class NotFoundHandler(JSONHandler):
    """Every path that there is not."""

    def prepare(self) -> None:
        """Answer 404."""
        raise HTTPError(404)


def log_request(handler: RequestHandler) -> None:
    """Log a finished request by its path alone; Tornado's `log_function`."""
    log = _log.info if handler.get_status() >= _FIRST_ERROR_STATUS else _log.debug
    milliseconds = round(handler.request.request_time() * 1000, 1)
    log("request", path=handler.request.path, status=handler.get_status(), milliseconds=milliseconds)
