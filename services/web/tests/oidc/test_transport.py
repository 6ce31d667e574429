"""Questions to a provider that is slow, or never ends."""

import time
from collections.abc import Callable

import pytest
from hweb.oidc.transport import MAX_BYTES, ProviderUnavailableError, Transport

from services.web.tests.oidc.scripted import Scripted, dripping, silent

SECONDS = 0.3


class TestVisit:
    @pytest.mark.parametrize("behaviour", [silent, dripping])
    def test_ends_in_time(self, provider: Scripted, behaviour: Callable[..., None]) -> None:
        provider.answers["/keys"] = behaviour
        visit = Transport(name="p", connections=1, visit_seconds=SECONDS).visit()
        started = time.monotonic()
        with pytest.raises(ProviderUnavailableError):
            visit.get("keys", provider.url + "/keys")
        assert SECONDS * 0.9 < time.monotonic() - started < SECONDS + 2

    def test_has_one_time_for_all_its_questions(self, provider: Scripted) -> None:
        visit = Transport(name="p", connections=1, visit_seconds=SECONDS).visit()
        assert visit.get("keys", provider.url + "/keys")
        provider.answers["/more"] = silent
        for _ in range(2):  # the second has no time left
            with pytest.raises(ProviderUnavailableError):
                visit.get("more", provider.url + "/more")
        assert provider.asked == ["/keys", "/more"]

    def test_reads_an_answer_in_chunks(self, provider: Scripted) -> None:
        provider.answers["/keys"] = lambda handler: handler.wfile.write(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b'5\r\n{"a":\r\n' + b"2\r\n1}\r\n0\r\n\r\n"
        )
        visit = Transport(name="p", connections=1).visit()
        assert visit.get("keys", provider.url + "/keys") == {"a": 1}

    @pytest.mark.parametrize("raw", [b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{}", b"nonsense\r\n\r\n", b""])
    def test_believes_no_half_answer(self, provider: Scripted, raw: bytes) -> None:
        provider.answers["/keys"] = lambda handler: handler.wfile.write(raw)
        visit = Transport(name="p", connections=1).visit()
        with pytest.raises(ProviderUnavailableError):
            visit.get("keys", provider.url + "/keys")

    def test_reads_no_answer_without_end(self, provider: Scripted) -> None:
        visit = Transport(name="p", connections=1).visit()
        provider.answers["/keys"] = (200, {"a": "x" * (MAX_BYTES - 100)})
        assert visit.get("keys", provider.url + "/keys")
        provider.answers["/keys"] = (200, {"a": "x" * MAX_BYTES})
        with pytest.raises(ProviderUnavailableError):
            visit.get("keys", provider.url + "/keys")

    @pytest.mark.parametrize("url", ["http://example.net/", "ftp://127.0.0.1/", "", "http://[", "/keys"])
    def test_asks_nobody_whom_others_hear(self, url: str) -> None:
        with pytest.raises(ProviderUnavailableError):
            Transport(name="p", connections=1).visit().get("keys", url)
