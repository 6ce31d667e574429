"""Files served from memory."""

from pathlib import Path

import pytest
from hweb.files import Directory, FileMissingError, HeldFile, hold, respond
from starlette.requests import Request
from starlette.responses import Response

TEXT = b"body { color: black }\n" * 100


def request(**headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": raw, "query_string": b""})


def answer(held: HeldFile, **headers: str) -> Response:
    return respond(request(**headers), held, cache_control="no-cache")


class TestDirectory:
    def test_a_file_is_found_by_its_name(self, tmp_path: Path) -> None:
        (tmp_path / "a").mkdir()
        (tmp_path / "a" / "b.css").write_bytes(TEXT)
        assert Directory(tmp_path).get("a/b.css").body == TEXT

    @pytest.mark.parametrize(
        "name", ["../secret", "a/../../secret", "/etc/passwd", "..%2fsecret", "a", "", ".", "b.css/", "\0"]
    )
    def test_nothing_outside_can_be_named(self, tmp_path: Path, name: str) -> None:
        (tmp_path / "secret").write_text("secret")
        root = tmp_path / "root"
        (root / "a").mkdir(parents=True)
        (root / "b.css").write_bytes(TEXT)
        with pytest.raises(FileMissingError):
            Directory(root).get(name)

    def test_a_file_is_read_once(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("first")
        directory = Directory(tmp_path)
        assert directory.peek("a.txt") is None
        first = directory.get("a.txt")
        (tmp_path / "a.txt").write_text("second")
        assert directory.get("a.txt") is directory.peek("a.txt") is first

    def test_a_file_that_has_gone_is_missing(self, tmp_path: Path) -> None:
        (tmp_path / "a.txt").write_text("text")
        directory = Directory(tmp_path)
        (tmp_path / "a.txt").unlink()
        with pytest.raises(FileMissingError):
            directory.get("a.txt")

    def test_without_a_directory_there_are_no_files(self, tmp_path: Path) -> None:
        with pytest.raises(FileMissingError):
            Directory(tmp_path / "none").get("a.txt")


class TestContentType:
    @pytest.mark.parametrize(
        ("suffix", "expected"),
        [
            (".js", "text/javascript; charset=utf-8"),
            (".css", "text/css; charset=utf-8"),
            (".svg", "image/svg+xml"),
            (".woff2", "font/woff2"),
            (".json", "application/json"),
            (".unheard-of", "application/octet-stream"),
        ],
    )
    def test_it_follows_the_name(self, suffix: str, expected: str) -> None:
        assert answer(hold(TEXT, suffix=suffix)).headers["content-type"] == expected


class TestCompression:
    @pytest.mark.parametrize("accept", ["gzip", "deflate, gzip;q=1.0, br", "GZIP"])
    def test_who_takes_gzip_gets_it(self, accept: str) -> None:
        got = answer(hold(TEXT, suffix=".css"), accept_encoding=accept)
        assert got.headers["content-encoding"] == "gzip"
        assert len(got.body) < len(TEXT)

    @pytest.mark.parametrize("accept", ["", "br", "gzip;q=0", "gzip; q=0.0", "identity"])
    def test_others_get_it_as_it_is(self, accept: str) -> None:
        got = answer(hold(TEXT, suffix=".css"), accept_encoding=accept)
        assert "content-encoding" not in got.headers
        assert got.body == TEXT

    def test_caches_are_told_that_it_varies(self) -> None:
        assert answer(hold(TEXT, suffix=".css")).headers["vary"] == "Accept-Encoding"

    @pytest.mark.parametrize(("body", "suffix"), [(TEXT, ".woff2"), (b"short", ".css")])
    def test_what_gains_nothing_is_never_compressed(self, body: bytes, suffix: str) -> None:
        got = answer(hold(body, suffix=suffix), accept_encoding="gzip")
        assert got.body == body
        assert "vary" not in got.headers


class TestRevalidation:
    @pytest.mark.parametrize("form", ["{}", "W/{}", '"other", {}', "*"])
    def test_who_has_it_is_told_so_without_the_body(self, form: str) -> None:
        held = hold(TEXT, suffix=".css")
        etag = answer(held).headers["etag"]
        got = answer(held, if_none_match=form.format(etag))
        assert (got.status_code, got.body) == (304, b"")
        assert got.headers["etag"] == etag
        assert got.headers["cache-control"] == "no-cache"

    def test_who_has_something_else_gets_it(self) -> None:
        assert answer(hold(TEXT, suffix=".css"), if_none_match='"other"').status_code == 200

    def test_the_compressed_form_has_an_etag_of_its_own(self) -> None:
        held = hold(TEXT, suffix=".css")
        plain, compressed = answer(held), answer(held, accept_encoding="gzip")
        assert plain.headers["etag"] != compressed.headers["etag"]
        again = answer(held, accept_encoding="gzip", if_none_match=compressed.headers["etag"])
        assert again.status_code == 304
        assert "content-encoding" not in again.headers

    def test_another_content_has_another_etag(self) -> None:
        assert hold(b"a", suffix=".css").version != hold(b"b", suffix=".css").version
