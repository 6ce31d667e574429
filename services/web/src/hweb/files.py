"""Files that are served from memory: read, hashed and compressed on first use, then kept.

A directory is indexed once and asked by exact name, so that no request can name a file outside of it.
"""

import gzip
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hcommon.errors import ErrorKind, HError
from starlette.requests import Request
from starlette.responses import Response

STATIC = Path(__file__).parent / "static"
FOR_EVER = "public, max-age=31536000, immutable"
FIVE_MINUTES = "public, max-age=300"
ONE_DAY = "public, max-age=86400"

CROSS_ORIGIN = {"Access-Control-Allow-Origin": "*", "Cross-Origin-Resource-Policy": "cross-origin"}
"""Headers of whatever pages of other sites load from us. Source: the client's needs, sections 1.2 and 6."""

_VERSION_LENGTH = 12
_WORTH_COMPRESSING_BYTES = 512
_DEFAULT_TYPE = "application/octet-stream"
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".woff2": "font/woff2",
}
_COMPRESSED_ALREADY = frozenset({".png", ".woff2"})


class FileMissingError(HError):
    """No such file is served."""

    kind = ErrorKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class HeldFile:
    """A file in memory.

    Attributes:
        gzipped: The same compressed, or None when that saves nothing.
        media_type: Value of `Content-Type`.
        version: Hash of the content, short enough for a URL.
    """

    body: bytes
    gzipped: bytes | None
    media_type: str
    version: str


def hold(body: bytes, *, suffix: str) -> HeldFile:
    """Return a file of this content, whose name ends in `suffix` (with its dot)."""
    gzipped = None
    if len(body) >= _WORTH_COMPRESSING_BYTES and suffix not in _COMPRESSED_ALREADY:
        gzipped = gzip.compress(body, mtime=0)
    version = hashlib.blake2b(body, digest_size=16).hexdigest()[:_VERSION_LENGTH]
    return HeldFile(body, gzipped, _TYPES.get(suffix, _DEFAULT_TYPE), version)


class Directory:
    """The files below one directory, as they were when it was opened."""

    def __init__(self, root: Path, *, names: Iterable[str] | None = None) -> None:
        """List the files; none is read yet.

        Args:
            root: The directory.
            names: Relative paths with `/`; None for every file below `root`.
        """
        self._root = root
        self._names = frozenset(relative_names(root) if names is None else names)
        self._held: dict[str, HeldFile] = {}

    def peek(self, name: str) -> HeldFile | None:
        """Return a file that is in memory already."""
        return self._held.get(name)

    def get(self, name: str) -> HeldFile:
        """Return a file, reading it if this is its first use.

        Raises:
            FileMissingError: There is none of this name.
        """
        held = self._held.get(name)
        if held is None:
            held = self._held[name] = self._read(name)
        return held

    def _read(self, name: str) -> HeldFile:
        if name not in self._names:
            raise FileMissingError("There is no such file.")
        path = self._root / name
        try:
            return hold(path.read_bytes(), suffix=path.suffix)
        except OSError as error:
            raise FileMissingError("This file is gone.") from error


def relative_names(root: Path) -> list[str]:
    """Return the paths of all files below a directory, relative to it and with `/`; empty when it isn't there."""
    return [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]


@cache
def site_files() -> Directory:
    """Return the site's own files, those of `static/`."""
    return Directory(STATIC)


def respond(
    request: Request, held: HeldFile, *, cache_control: str, headers: Mapping[str, str] | None = None
) -> Response:
    """Return a file in the encoding that the browser takes, or 304 when it has this very one."""
    body, etag = held.body, f'"{held.version}"'
    values = {"Cache-Control": cache_control, **(headers or {})}
    if held.gzipped is not None:
        values["Vary"] = "Accept-Encoding"
        if _accepts_gzip(request.headers.get("accept-encoding", "")):
            body, etag = held.gzipped, f'"{held.version}-gzip"'
            values["Content-Encoding"] = "gzip"
    values["ETag"] = etag
    if _names_etag(request.headers.get("if-none-match", ""), etag):
        values.pop("Content-Encoding", None)
        return Response(status_code=304, headers=values)
    return Response(body, headers={"Content-Type": held.media_type, **values})


def _accepts_gzip(header: str) -> bool:
    for item in header.lower().split(","):
        coding, *parameters = (part.strip() for part in item.split(";"))
        if coding == "gzip":
            return not any(
                parameter.replace(" ", "") in {"q=0", "q=0.0", "q=0.00", "q=0.000"} for parameter in parameters
            )
    return False


def _names_etag(header: str, etag: str) -> bool:
    return header.strip() == "*" or etag in (item.strip().removeprefix("W/") for item in header.split(","))
