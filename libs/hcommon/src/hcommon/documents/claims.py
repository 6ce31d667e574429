"""What the `document` object of a posted annotation claims: other URIs of the page, and metadata.

Pages are not written by those who annotate them, so that nothing here is an error: what can't be stored or followed
is left out, and what is too much is cut off.

Source: specification of the API, section 4.2 with its corrections in section 14.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import Any, Final
from uuid import UUID

from hcommon import uri
from hcommon.uri import InvalidURIError

MAX_URI_CLAIMS: Final = 64
"""Most URIs that one annotation can claim, the page's own included; further ones are left out."""

MAX_URI_LENGTH: Final = 3000
"""Longest URI, in characters, that is claimed; the page's own may be longer."""

MAX_TYPE_LENGTH: Final = 200
"""Longest type of a claim, content type or name of metadata; types are cut there, longer names left out."""

MAX_METAS: Final = 200
"""Most names of metadata taken from one annotation."""

MAX_META_VALUES: Final = 50
"""Most values taken of one name."""

MAX_META_LENGTH: Final = 2000
"""Where one value, a title for example, is cut off; in characters."""

SELF_CLAIM: Final = "self-claim"
PDF: Final = "application/pdf"
TITLE: Final = "title"

_MAX_DEPTH: Final = 5
_NOT_METADATA: Final = frozenset({"link", "version"})
_DOI: Final = re.compile(r"(?:https?://(?:dx\.)?doi\.org/)?(10\.[0-9]{4,}(?:\.[0-9]+)*/.+)")
_UNSTORABLE: Final = re.compile("[\x00\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class URIClaim:
    """A URI under which the page is said to be found too.

    Attributes:
        uri: As sent, trimmed.
        type: `self-claim`, `rel-canonical`, `highwire-pdf`, `dc-doi` … or empty.
        content_type: `application/pdf` or another, or empty.
    """

    uri: str
    normalized: str
    hash: UUID
    type: str
    content_type: str


@dataclass(frozen=True, slots=True)
class DocumentClaims:
    """All that one annotation claims about the document of its page.

    Attributes:
        claimant: The URI of the page, as sent.
        claimant_hash: `uri.uri_hash` of its normal form.
        uris: Different claims, the page's own `self-claim` first.
        metas: Texts by dotted name (`title`, `dc.title` …), in the order of the names.
    """

    claimant: str
    claimant_hash: UUID
    uris: tuple[URIClaim, ...]
    metas: Mapping[str, tuple[str, ...]]

    @property
    def title(self) -> str | None:
        """Return the first title, or None."""
        titles = self.metas.get(TITLE)
        return titles[0] if titles else None


def claims_of(document: Mapping[str, Any], *, claimant: str) -> DocumentClaims:
    """Return what `document`, any JSON object, claims about the page at `claimant`.

    Raises:
        InvalidURIError: The claimant can't be a URI.
    """
    own = _claim(claimant, SELF_CLAIM, "", longest=len(claimant))
    if own is None:
        raise InvalidURIError("The URI contains characters that a URI can't have.")
    claimed = {(own.hash, own.type, own.content_type): own}
    for claim in islice(_claimed(document, claimant), MAX_URI_CLAIMS * 4):
        if claim is not None and len(claimed) < MAX_URI_CLAIMS:
            claimed.setdefault((claim.hash, claim.type, claim.content_type), claim)
    metas = dict(sorted(islice(_metas(document), MAX_METAS)))
    return DocumentClaims(claimant=claimant, claimant_hash=own.hash, uris=tuple(claimed.values()), metas=metas)


def _claim(text: str, claim_type: str, content_type: str, *, longest: int = MAX_URI_LENGTH) -> URIClaim | None:
    text = text.strip()
    if not text or len(text) > longest or _UNSTORABLE.search(text):
        return None
    try:
        normalized = uri.normalize(text)
    except InvalidURIError:
        if claim_type == SELF_CLAIM:
            raise
        return None
    return URIClaim(
        uri=text,
        normalized=normalized,
        hash=uri.uri_hash(normalized),
        type=_storable(claim_type)[:MAX_TYPE_LENGTH],
        content_type=_storable(content_type)[:MAX_TYPE_LENGTH],
    )


def _claimed(document: Mapping[str, Any], claimant: str) -> Iterator[URIClaim | None]:
    for link in _list(document.get("link")):
        if isinstance(link, dict):
            yield _of_link(link, claimant)
    highwire, dublin_core = document.get("highwire"), document.get("dc")
    for text in _texts(highwire, "pdf_url"):
        yield _claim(text, "highwire-pdf", PDF)
    for text in _texts(highwire, "doi"):
        yield _of_doi(text, "highwire-doi")
    for text in _texts(dublin_core, "identifier"):
        yield _of_doi(text, "dc-doi")


def _of_link(link: Mapping[str, Any], claimant: str) -> URIClaim | None:
    href, rel, content_type = link.get("href"), link.get("rel"), link.get("type")
    if not isinstance(href, str):
        return None
    keys = link.keys()
    if keys == {"href"} and (href == claimant or href.startswith("doi:")):
        return None
    if keys == {"href", "type"} and content_type == PDF:
        # The client also sends it as `highwire.pdf_url`.
        return None
    claim_type = f"rel-{rel}" if isinstance(rel, str) and rel else ""
    return _claim(href, claim_type, content_type if isinstance(content_type, str) else "")


def _of_doi(text: str, claim_type: str) -> URIClaim | None:
    match = _DOI.fullmatch(text[: MAX_URI_LENGTH + 1].strip().removeprefix("doi:").strip())
    return _claim(f"doi:{match[1]}", claim_type, "") if match else None


def _metas(document: Mapping[str, Any]) -> Iterator[tuple[str, tuple[str, ...]]]:
    waiting = [("", document, 0)]
    while waiting:
        prefix, mapping, depth = waiting.pop()
        for key, value in mapping.items():
            name = f"{prefix}{key}"
            if (depth == 0 and key in _NOT_METADATA) or len(name) > MAX_TYPE_LENGTH or _UNSTORABLE.search(name):
                continue
            if isinstance(value, dict):
                if depth < _MAX_DEPTH:
                    waiting.append((f"{name}.", value, depth + 1))
            elif texts := tuple(_meta_texts(value, trim=name == TITLE)):
                yield name, texts


def _meta_texts(value: Any, *, trim: bool) -> Iterator[str]:
    for item in islice(value if isinstance(value, list) else [value], MAX_META_VALUES):
        if isinstance(item, bool) or not isinstance(item, str | int | float):
            continue
        text = str(item)
        text = _storable((text.strip() if trim else text)[:MAX_META_LENGTH])
        if text or not trim:
            yield text


def _storable(text: str) -> str:
    return _UNSTORABLE.sub("", text)


def _list(value: Any) -> Iterable[Any]:
    return value if isinstance(value, list) else ()


def _texts(mapping: Any, key: str) -> Iterator[str]:
    values = _list(mapping.get(key)) if isinstance(mapping, dict) else ()
    return (value for value in values if isinstance(value, str))
