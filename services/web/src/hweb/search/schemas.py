"""The parameters of a search as the API's documentation shows them; `parser` reads them."""

from typing import Any, Final, NotRequired

from hcommon.search.query import SortKey
from typing_extensions import TypedDict

from hweb.annotations.shapes import Annotation

DEFAULT_LIMIT: Final = 20
DEFAULT_THREAD_LIMIT: Final = 200
"""Without a limit, a search by `references` is given this one: the client asks for whole threads so."""
MAX_LIMIT: Final = 200
MAX_OFFSET: Final = 9_800
MAX_REPLIES: Final = 1_000
MAX_WILDCARDS: Final = 50


def _parameter(name: str, description: str, *, several: bool = False, **schema: Any) -> dict[str, Any]:
    one = {"type": "string"} | schema
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": {"type": "array", "items": one} if several else one,
    }


PARAMETERS: Final = [
    _parameter("limit", f"Rows wanted. With `references` the default is {DEFAULT_THREAD_LIMIT}. A page in the order "
               "of a date is longer when rows of its last date remain.",
               type="integer", minimum=0, maximum=MAX_LIMIT, default=DEFAULT_LIMIT),
    _parameter("offset", "Rows left out from the front; ignored beside `search_after`.",
               type="integer", minimum=0, maximum=MAX_OFFSET, default=0),
    _parameter("sort", "Order of the rows; equal ones are ordered by id.",
               enum=[key.value for key in SortKey], default=SortKey.UPDATED.value),
    _parameter("order", "Direction.", enum=["asc", "desc"], default="desc"),
    _parameter("search_after", "Sort key of the last row of the page before: rows after it follow. For dates an ISO "
               "8601 date or milliseconds since 1970."),
    _parameter("cursor", "`next` of the page before, with everything else as it was asked there: no row is lost or "
               "comes twice, however many share a date, and no page is longer than its limit. It counts "
               "before `search_after`."),
    _parameter("uri", "A document's URI, with all that are the same document; a version may follow as `:v1`, "
               "`:all`. `url` is the same. Any of several.", several=True),
    _parameter("url", "The same as `uri`.", several=True),
    _parameter("wildcard_uri", "A URI in which `*` stands for any characters and `_` for one; not in its host. "
               f"Any of several or of the `uri`s; at most {MAX_WILDCARDS}.", several=True),
    _parameter("uri.parts", "Parts of the URI, all of which it must have.", several=True),
    _parameter("user", "Who wrote it: `acct:name@authority`, `name@authority` or `name`."),
    _parameter("group", "A group's id. Any of several; unknown or unreadable ones have no annotations.", several=True),
    _parameter("tag", "Words, all of which must be among the tags. `tags` is the same. All of several.", several=True),
    _parameter("tags", "The same as `tag`.", several=True),
    _parameter("text", "Words, one of which must be in the text. All of several.", several=True),
    _parameter("quote", "Words, one of which must be in the quoted text. All of several.", several=True),
    _parameter("any", 'Words in quote, tags, text or URI: all of them, with `|` for or, `-` for without, `"…"` for '
               "a phrase, `*` at the end of a word's beginning, and parentheses.", several=True),
    _parameter("references", "Id of an annotation to which it replies, directly or not. All of several.", several=True),
    _parameter("_separate_replies", f"Leave replies out of `rows` and give those to the rows, up to {MAX_REPLIES}, as "
               "`replies`.", type="boolean", default=False),
]  # fmt: skip


class SearchResult(TypedDict):
    """A page: `total` counts all annotations, `replies` come with `_separate_replies`, `next` while more follow."""

    total: int
    rows: list[Annotation]
    replies: NotRequired[list[Annotation]]
    next: NotRequired[str]
