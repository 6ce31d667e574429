"""The search index: its settings, its fields, and an annotation as a document of it.

Words are made in Python, as for PostgreSQL, and reach Elasticsearch as text in which spaces separate the words, so that
its `whitespace` analyser of the core has nothing left to decide, and both backends find the same. ICU is not used.

Each position of a text holds one word. In a run without spaces (Chinese, Japanese, Thai …) that is the pair of
characters which begins there; the last position has the last character alone. A pair is then an ordinary word, a
single character is whatever begins with it, and phrases count positions as `folding` does.

Documents cannot be read back (`_source` is off): the rows are in PostgreSQL, and this halves the index.
"""

from collections.abc import Iterable
from typing import Any, Final

from hcommon.search.document import AnnotationDocument
from hcommon.search.folding import index_tokens, uri_parts
from hcommon.uri.version import UNVERSIONED

MAPPING_VERSION: Final = 2
"""Raise it with every change of `MAPPINGS` or of `source_of`; then the index has to be built anew."""

LONGEST_WORD: Final = 255
"""UTF-16 units; the `whitespace` analyser would cut a longer word in two."""

MOST_WORD_BYTES: Final = 4_000_000
"""Of the words of one annotation: what goes beyond is not found. A request has to fit into a small heap."""

LONGEST_KEYWORD_BYTES: Final = 32_766
"""Lucene's limit of a term."""

_KEYWORD: Final = {"type": "keyword"}
_FILTER: Final = {"type": "keyword", "doc_values": False}
_BOOLEAN: Final = {"type": "boolean", "doc_values": False}
_WORDS: Final = {"type": "text", "analyzer": "whitespace", "norms": False}

MAPPINGS: Final[dict[str, Any]] = {
    "_meta": {"version": MAPPING_VERSION},
    "dynamic": False,
    "_source": {"enabled": False},
    "properties": {
        "id": _KEYWORD,
        "revision": {"type": "long", "index": False},
        "created": {"type": "long"},
        "updated": {"type": "long"},
        "group": _KEYWORD,
        "group_id": _FILTER,
        "userid": _KEYWORD,
        "user_id": _FILTER,
        "shared": _BOOLEAN,
        "hidden": _BOOLEAN,
        "world": _BOOLEAN,
        "nipsa": _BOOLEAN,
        "sealed": _BOOLEAN,
        "revealed_to": _FILTER,
        "uri": _FILTER,
        "uri_hash": _FILTER,
        "uri_parts": _FILTER,
        "version": _FILTER,
        "references": _FILTER,
        "is_reply": _BOOLEAN,
        "quote": _WORDS,
        "tags": _WORDS,
        "text": _WORDS,
    },
}

SETTINGS: Final[dict[str, Any]] = {
    "number_of_shards": 1,
    "auto_expand_replicas": "0-1",
    "refresh_interval": "250ms",
    # How long a deleted document's revision keeps older writes away; rows are purged only after that.
    "gc_deletes": "1h",
    # The last page that can be asked for by offset, and one row more.
    "max_result_window": 20_000,
}

FILLING_SETTINGS: Final = {"auto_expand_replicas": False, "number_of_replicas": 0, "refresh_interval": "-1"}
"""In place of those above while an index is filled."""


def source_of(document: AnnotationDocument) -> dict[str, Any]:
    """Return the document that is indexed for an annotation."""
    uri = document.target_uri_normalized
    quotes, tags, texts = _word_streams(document.quotes, document.tags, (document.text,))
    return {
        "id": document.id.hex,
        "revision": document.revision,
        "created": document.created_us,
        "updated": document.updated_us,
        "group": document.group_pubid,
        "group_id": document.group_id,
        "userid": document.userid,
        "user_id": document.user_id,
        "shared": document.shared,
        "hidden": document.hidden,
        "world": document.world,
        "nipsa": document.nipsa,
        "sealed": document.sealed,
        "revealed_to": document.revealed_to_id,
        "uri": uri if len(uri.encode()) <= LONGEST_KEYWORD_BYTES else None,
        "uri_hash": document.target_uri_hash.hex,
        "uri_parts": uri_parts(document.target_uri),
        "version": UNVERSIONED if document.document_version is None else document.document_version,
        "references": [reference.hex for reference in document.references],
        "is_reply": bool(document.references),
        "quote": quotes,
        "tags": tags,
        "text": texts,
    }


def word_stream(text: str) -> str:
    """Return the words of a text, one a position, as the module says."""
    # A pair comes behind the character that it begins with and takes its place.
    words = {position: word for word, position in index_tokens(text)}
    return " ".join(map(fitting, words.values()))


def fitting(word: str) -> str:
    """Return the part of a word that is indexed: all of it but for the longest of rare scripts."""
    if len(word) <= LONGEST_WORD // 2:
        return word
    return word.encode("utf-16-le")[: 2 * LONGEST_WORD].decode("utf-16-le", "ignore")


def _word_streams(quotes: Iterable[str], tags: Iterable[str], texts: Iterable[str]) -> list[list[str]]:
    """Return each field's texts as streams; when there is too much, what comes later gives way."""
    left = MOST_WORD_BYTES
    fields: dict[str, list[str]] = {}
    for name, values in (("tags", tags), ("quotes", quotes), ("texts", texts)):
        fields[name] = []
        for value in values:
            stream = word_stream(value).encode()
            if len(stream) > left:
                stream = stream[:left].rpartition(b" ")[0]
            left -= len(stream)
            if stream:
                fields[name].append(stream.decode())
    return [fields["quotes"], fields["tags"], fields["texts"]]
