"""Taking http(s) URIs apart.

`urllib.parse.urlsplit` is not used: which hosts it refuses differs between Python releases, and what is stored
under a normal form must be found under it for ever.
"""

import ipaddress
import re
import unicodedata
from typing import Final, NamedTuple
from urllib.parse import quote

from hcommon.errors import ErrorKind, HError

_PLAIN: Final = re.compile(r"[!-~]*")
_UNSTORABLE: Final = re.compile(r"[\x00\ud800-\udfff]")
_LEADING: Final = "".join(map(chr, range(0x21)))
_LINE_CHARACTERS: Final = {ord(character): None for character in "\t\r\n"}

_HTTP: Final = re.compile(r"(?ai)(https?)://([^/?#]*)([^?#]*)(?:\?([^#]*))?")
_HOST_AND_PORT: Final = re.compile(r"(\[[^\[\]]*\]|[^\[\]:]+)(?::([0-9]*))?")
_IP_FUTURE: Final = re.compile(r"(?ai)v[0-9a-f]+\.[a-z0-9._~!$&'()*+,;=:-]+")
_DEFAULT_PORTS: Final = {"http": "80", "https": "443"}
_HIGHEST_PORT: Final = 65535
_PORT_DIGITS: Final = 5

_SCHEME_LIKE: Final = re.compile(r"[A-Za-z_/*][A-Za-z0-9+,\-._/*]*:")

_PATH_LITERALS: Final = "-._~:@!$&'()*+,;="
_PLAIN_PATH: Final = re.compile(rf"[A-Za-z0-9/{re.escape(_PATH_LITERALS)}]*")
_PATH_PIECE: Final = re.compile(rf"%[0-9A-Fa-f]{{2}}|[^\x00-\x7f]+|[^A-Za-z0-9/{re.escape(_PATH_LITERALS)}]")
_HEX_DIGITS: Final = "0123456789ABCDEFabcdef"
_PATH_ESCAPES: Final = {
    f"%{high}{low}": quote(bytes([int(high + low, 16)]), safe=_PATH_LITERALS)
    for high in _HEX_DIGITS
    for low in _HEX_DIGITS
}


class InvalidURIError(HError):
    """The text can't be a URI of a document."""

    kind = ErrorKind.INVALID


class HttpURI(NamedTuple):
    """The parts of an http or https URI, without its fragment."""

    scheme: str
    """`http` or `https`."""
    userinfo: str
    """As written, with the `@`; empty without user and password."""
    host: str
    """Lower-cased; an IPv6 address with its brackets."""
    port: str
    """Empty if it is the scheme's default."""
    path: str
    """As written."""
    query: str
    """As written."""

    @property
    def host_and_port(self) -> str:
        """The host, with a colon and the port unless that is the default."""
        return f"{self.host}:{self.port}" if self.port else self.host


def split_http(uri: str) -> HttpURI | None:
    """Take an http or https URI apart; None for every other text, such as a URN or an http URI without a host.

    White space and control characters before the URI, and tabs and line ends anywhere, don't count.

    Raises:
        InvalidURIError: the text holds NUL or a lone surrogate; or it begins like an http URI, but its host or
            port can't be.
    """
    if _PLAIN.fullmatch(uri) is None:
        if _UNSTORABLE.search(uri):
            raise InvalidURIError("The URI contains characters that a URI can't have.")
        uri = uri.lstrip(_LEADING).translate(_LINE_CHARACTERS)
    match = _HTTP.match(uri)
    if match is None:
        return None
    scheme, netloc, path, query = match.groups("")
    userinfo, _, netloc = netloc.rpartition("@")
    if not netloc or (netloc[0] == ":" and "]" not in netloc):
        return None
    scheme = scheme.lower()
    host, port = _split_host(netloc)
    if "[" in userinfo or "]" in userinfo:
        raise InvalidURIError("The URI's host is not valid.")
    if port == _DEFAULT_PORTS[scheme]:
        port = ""
    return HttpURI(scheme, userinfo and f"{userinfo}@", host, port, path, query)


def _split_host(netloc: str) -> tuple[str, str]:
    match = _HOST_AND_PORT.fullmatch(netloc)
    if match is None:
        raise InvalidURIError("The URI's host or port is not valid.")
    host, port = match.groups("")
    if port:
        port = port.lstrip("0") or "0"
        if len(port) > _PORT_DIGITS or int(port) > _HIGHEST_PORT:
            raise InvalidURIError("The URI's port is not valid.")
    if host[0] == "[":
        _check_address(host[1:-1])
    elif not host.isascii() and not set("/?#@:").isdisjoint(unicodedata.normalize("NFKC", host)):
        # Browsers would see another host: "℀" becomes "a/c".
        raise InvalidURIError("The URI's host is not valid.")
    return host.lower(), port


def _check_address(address: str) -> None:
    if _IP_FUTURE.fullmatch(address):
        return
    try:
        ipaddress.IPv6Address(address)
    except ValueError as error:
        raise InvalidURIError("The URI's IPv6 address is not valid.") from error


def normalize_path(path: str) -> str:
    """Return the path without trailing slashes and with one spelling of percent-encoding.

    An encoded character that has no meaning of its own is decoded, every other one encoded in upper case.
    Bytes that aren't UTF-8 stay what they are.
    """
    path = path.rstrip("/")
    if _PLAIN_PATH.fullmatch(path):
        return path
    return _PATH_PIECE.sub(_escape_path_piece, path)


def _escape_path_piece(match: re.Match[str]) -> str:
    piece = match[0]
    return _PATH_ESCAPES.get(piece) or quote(piece, safe="")


def is_http(uri: str) -> bool:
    """Tell whether this is a valid http or https URI with a host, one that a browser can open."""
    try:
        return split_http(uri) is not None
    except InvalidURIError:
        return False


def with_default_scheme(uri: str) -> str:
    """Put `http://` before a URI that someone typed without a scheme.

    Whatever has a colon after characters of a scheme or wildcard is taken to have a scheme: `localhost:5000/x`
    is left alone. So take version suffixes off before (`parse_versioned`). Empty text stays empty.

    Source: specification of the API, section 1.10.
    """
    if not uri or _SCHEME_LIKE.match(uri):
        return uri
    return f"http://{uri}"
