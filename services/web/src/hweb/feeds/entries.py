"""What a feed shows of an annotation.

Source: specification of the API, section 6.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import unquote, urlsplit

import orjson
from hcommon.ids import split_userid
from hcommon.uri import is_http
from markupsafe import Markup

# XML has no way to write these.
_NOT_XML: Final = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_QUOTE: Final = "TextQuoteSelector"


@dataclass(frozen=True, slots=True)
class Entry:
    """One annotation of a feed, as text that XML can hold.

    Attributes:
        tag: What it is known by, wherever it is found (RFC 4151).
        html: The quote and the text, as HTML in which all of theirs is escaped.
        page_url: Where people read it.
    """

    tag: str
    title: str
    author: str
    html: str
    page_url: str
    json_url: str
    published: datetime
    updated: datetime

    @property
    def published_rfc2822(self) -> str:
        """Return the date as RSS writes it."""
        return format_datetime(self.published)


def entry(row: Mapping[Any, Any], shown: Mapping[str, Any], *, host: str, site: str) -> Entry:
    """Return what a feed shows.

    Args:
        row: A row of `annotation_columns`.
        shown: The same as the API presents it to this reader.
        host: The site's, which stands in the tags.
        site: The site's address, where people are led who cannot be led to the annotation.
    """
    return Entry(
        tag=f"tag:{host},2015-09:{shown['id']}",
        title=_sound(row["document_title"] or _file_name(shown["uri"]) or shown["uri"]),
        author=split_userid(shown["user"])[0],
        html=_sound(_html(_quote(row["target_selectors"]), shown["text"])),
        page_url=_sound(shown["links"].get("html") or (shown["uri"] if is_http(shown["uri"]) else site)),
        json_url=shown["links"]["json"],
        published=row["created"],
        updated=row["updated"],
    )


def _sound(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)


def _file_name(uri: str) -> str:
    if not uri.lower().startswith("file:"):
        return ""
    return unquote(urlsplit(uri).path).rpartition("/")[2]


def _quote(selectors: str | None) -> str:
    found = orjson.loads(selectors) if selectors else []
    quotes = [selector.get("exact") for selector in found if selector.get("type") == _QUOTE]
    return next((quote for quote in quotes if isinstance(quote, str)), "")


def _html(quote: str, text: str) -> str:
    quoted = Markup("<blockquote>{}</blockquote>").format(quote) if quote else Markup()
    return str(quoted + Markup.escape(text))
