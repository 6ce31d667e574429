"""The normal form of a URI: pages that are the same get the same text, which is what annotations are found by."""

import hashlib
import re
import uuid
from operator import itemgetter
from typing import Final
from urllib.parse import quote_plus, unquote_plus

from hcommon.uri.parse import normalize_path, split_http

_VIA: Final = "https://via.hypothes.is/"
_VIA_TARGETS: Final = (f"{_VIA}http:", f"{_VIA}https:")

_NAME_LITERALS: Final = "-._~:@!$'()*,"
_VALUE_LITERALS: Final = _NAME_LITERALS + "="
_PLAIN_NAME: Final = re.compile(rf"[A-Za-z0-9{re.escape(_NAME_LITERALS)}]*")
_PLAIN_VALUE: Final = re.compile(rf"[A-Za-z0-9{re.escape(_VALUE_LITERALS)}]*")
_DROPPED_NAME: Final = re.compile(
    r"gclid|utm_(?:campaign|content|medium|source|term)|WT\..+|(?ai:x-amz-security-token)|resourcekey", re.DOTALL
)
_BY_NAME: Final = itemgetter(0)


def normalize(uri: str) -> str:
    """Return the normal form; any text that isn't an http(s) URI with a host is its own normal form.

    An http(s) URI gets the scheme `httpx`, a lower-case host, no default port, no trailing slashes, one spelling
    of percent-encoding, sorted query parameters without the tracking ones, and no fragment.
    A query with a parameter that lacks `=` stays as it is, tracking parameters included.

    The form is idempotent, as `httpx` is not normalised further. Put back under `https` it is not stable: values
    of the query are decoded twice (`%252525` → `%2525` → `%25`), and one prefix of the Via proxy is taken off.

    The browser client sends a document's URI percent-decoded, and the links of the document as they are. The two
    have the same normal form where decoding made no new structure: `%20`, `é`, `[`, in values also `%2B`,
    `%3D`, `%3B`, `%2F` and `%2525`, and a fragment. They can't be the same for an encoded `/`, `?` or `#` in the path,
    an encoded `&` or `#` in the query, an encoded `=` in a parameter's name, `%25` before two hexadecimal digits in the
    path (`%2541`), and encoded characters in a query that stays as it is. Those are joined by the links that the
    client sends as claims of the document.

    Raises:
        InvalidURIError: the text holds NUL or a lone surrogate, or the host or port of an http URI can't be.

    Source: specification of the API, section 4.1; browser client, fact 8. Different from there: bytes
    that aren't UTF-8 (`%E9`) are kept instead of all becoming U+FFFD, so that pages of old encodings stay apart.
    """
    if uri.startswith(_VIA_TARGETS):
        uri = uri[len(_VIA) :]
    parts = split_http(uri)
    if parts is None:
        return uri
    query = parts.query and _normalize_query(parts.query)
    path = normalize_path(parts.path)
    return f"httpx://{parts.userinfo}{parts.host_and_port}{path}{query and '?'}{query}"


def _normalize_query(query: str) -> str:
    parameters = []
    for parameter in query.split("&"):
        name, equals, value = parameter.partition("=")
        if not equals:
            return query
        if _PLAIN_NAME.fullmatch(name) is None:
            name = unquote_plus(name, errors="surrogateescape")
        if _DROPPED_NAME.fullmatch(name) is None:
            parameters.append((name, value))
    parameters.sort(key=_BY_NAME)
    return "&".join([f"{_encode_name(name)}={_encode_value(value)}" for name, value in parameters])


def _encode_name(name: str) -> str:
    if _PLAIN_NAME.fullmatch(name):
        return name
    return quote_plus(unquote_plus(name, errors="surrogateescape"), _NAME_LITERALS, errors="surrogateescape")


def _encode_value(value: str) -> str:
    if _PLAIN_VALUE.fullmatch(value):
        return value
    decoded = unquote_plus(unquote_plus(value, errors="surrogateescape"), errors="surrogateescape")
    return quote_plus(decoded, _VALUE_LITERALS, errors="surrogateescape")


def uri_hash(normalized: str) -> uuid.UUID:
    """Return the key under which a normal form is looked up: 128 bits of BLAKE2b of its UTF-8 bytes.

    URIs have no useful limit of length, while a row of a btree index ends at 2.7 kB. That two URIs meet by
    accident or on purpose is out of reach (2^64 trials), so equal keys are taken as equal URIs.
    The key is not a UUID of any version; it only has the size of one.
    """
    return uuid.UUID(bytes=hashlib.blake2b(normalized.encode(), digest_size=16).digest())
