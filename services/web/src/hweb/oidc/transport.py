"""Questions to the provider: bounded in time, in size and in where they lead."""

import time
from typing import Any, Final

import orjson
from hcommon.errors import UnavailableError
from hcommon.logging import get_logger
from urllib3 import BaseHTTPResponse, PoolManager, Timeout
from urllib3.exceptions import HTTPError

from hweb.settings import is_safe_from_listeners

CONNECT_SECONDS: Final = 3.0
READ_SECONDS: Final = 4.0
"""How long the provider may be silent."""
VISIT_SECONDS: Final = 8.0
"""How long all questions of one visitor may take together."""
MAX_BYTES: Final = 512 * 1024
_PIECE = 16 * 1024

_log = get_logger(__name__)


class ProviderUnavailableError(UnavailableError):
    """The provider is away or too slow, or what it says is of no use.

    Attributes:
        problem: What people who run the site need to know.
    """

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(
            f"{name} does not answer as it should, so that nobody can log in with it at the moment. Please try again "
            "soon; if this stays so, tell the people who run this site."
        )
        self.problem = problem


class Transport:
    """Connections to one provider, which threads share."""

    def __init__(self, *, name: str, connections: int, visit_seconds: float = VISIT_SECONDS) -> None:
        self.name = name
        self.visit_seconds = visit_seconds
        # Not followed: a redirect would take the client's secret along.
        self.pool = PoolManager(num_pools=4, maxsize=connections, retries=False)

    def visit(self) -> "Visit":
        """Return a way to ask on behalf of one visitor."""
        return Visit(self)

    def failed(self, problem: str, **facts: object) -> ProviderUnavailableError:
        """Return the error to raise, having logged what the visitor has no use for."""
        _log.warning("oidc_provider_failed", problem=problem, **facts)
        known = ", ".join(f"{name}: {value}" for name, value in facts.items() if value is not None)
        return ProviderUnavailableError(self.name, f"{problem} ({known})" if known else problem)


class Visit:
    """All questions on behalf of one visitor; each method raises ProviderUnavailableError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._ends = time.monotonic() + transport.visit_seconds

    def get(self, what: str, url: str, *, token: str | None = None) -> dict[str, Any]:
        """Return the JSON object at an address.

        Args:
            what: For the log.
            url: As the provider gave it.
            token: Access token to show.
        """
        status, value = self._ask(what, "GET", url, {"Authorization": f"Bearer {token}"} if token else {})
        return self._object(what, status, value)

    def post(self, what: str, url: str, *, headers: dict[str, str], body: str) -> dict[str, Any]:
        """Return the JSON object that a form was answered with; arguments as in `get`."""
        form = {"Content-Type": "application/x-www-form-urlencoded"}
        status, value = self._ask(what, "POST", url, headers | form, body)
        return self._object(what, status, value)

    def _object(self, what: str, status: int, value: object) -> dict[str, Any]:
        if status != 200:  # noqa: PLR2004 - OK
            code = value.get("error") if isinstance(value, dict) else None
            # The protocol's own words, such as invalid_client, tell what is set up wrongly.
            known = code if isinstance(code, str) and code.isascii() and code.replace("_", "").isalpha() else None
            raise self._transport.failed("status", what=what, status=status, error=known and known[:40])
        if not isinstance(value, dict):
            raise self._transport.failed("no JSON object", what=what)
        return value

    def _ask(
        self, what: str, method: str, url: str, headers: dict[str, str], body: str | None = None
    ) -> tuple[int, object]:
        if not is_safe_from_listeners(url):
            raise self._transport.failed("address is not https", what=what)
        headers = {"Accept": "application/json", "Accept-Encoding": "identity"} | headers
        try:
            answer = self._transport.pool.request(
                method,
                url,
                body=body,
                headers=headers,
                timeout=Timeout(connect=min(CONNECT_SECONDS, self._left()), read=min(READ_SECONDS, self._left())),
                redirect=False,
                preload_content=False,
            )
            try:
                raw = self._body(answer)
            except TimeoutError:
                answer.close()
                raise
            answer.release_conn()
        except (HTTPError, TimeoutError, OSError, ValueError) as error:
            raise self._transport.failed("no answer", what=what, error=type(error).__name__) from error
        try:
            return answer.status, orjson.loads(raw)
        except orjson.JSONDecodeError:
            return answer.status, None

    def _body(self, answer: BaseHTTPResponse) -> bytes:
        raw = bytearray()
        while piece := answer.read1(_PIECE, decode_content=False):  # what has come, however little: it may drip
            raw += piece
            if len(raw) > MAX_BYTES:
                answer.close()
                raise ValueError("too long")
            self._left()
        return bytes(raw)

    def _left(self) -> float:
        left = self._ends - time.monotonic()
        if left <= 0:
            raise TimeoutError
        return left
