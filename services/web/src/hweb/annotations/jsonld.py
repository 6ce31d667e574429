"""Annotations as W3C Web Annotation JSON-LD.

Source: specification of the API, section 1.9; W3C Web Annotation Data Model, sections 3.2.4 and 4.2.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

CONTENT_TYPE: Final = 'application/ld+json; charset=UTF-8; profile="http://www.w3.org/ns/anno.jsonld"'
_CONTEXT: Final = "http://www.w3.org/ns/anno.jsonld"
_RANGE_KEYS: Final = ("startContainer", "startOffset", "endContainer", "endOffset")


def json_ld(presented: Mapping[str, Any], selectors: list[Any]) -> dict[str, Any]:
    """Return an annotation as JSON-LD.

    Args:
        presented: The annotation in the API's JSON.
        selectors: The selectors of its target, decoded.
    """
    target: dict[str, Any] = {"source": presented["uri"]}
    if converted := list(_selectors(selectors)):
        target["selector"] = converted
    links = presented["links"]
    return {
        "@context": _CONTEXT,
        "type": "Annotation",
        "id": links.get("html", links["json"]),
        "created": presented["created"],
        "modified": presented["updated"],
        "creator": presented["user"],
        "body": [
            {"type": "TextualBody", "value": presented["text"], "format": "text/markdown"},
            *({"type": "TextualBody", "value": tag, "purpose": "tagging"} for tag in presented["tags"]),
        ],
        "target": [target],
    }


def _selectors(selectors: list[Any]) -> Iterator[Mapping[str, Any]]:
    for selector in selectors:
        # Installations that came from elsewhere have odd ones.
        if not isinstance(selector, dict) or "type" not in selector:
            continue
        if selector["type"] != "RangeSelector":
            yield selector
        elif all(key in selector for key in _RANGE_KEYS):
            yield _range(*(selector[key] for key in _RANGE_KEYS))


def _range(start_container: Any, start_offset: Any, end_container: Any, end_offset: Any) -> dict[str, Any]:
    if start_container == end_container:
        return _xpath(start_container, start_offset, end_offset)
    return {
        "type": "RangeSelector",
        "startSelector": _xpath(start_container, start_offset, start_offset),
        "endSelector": _xpath(end_container, end_offset, end_offset),
    }


def _xpath(container: Any, start: Any, end: Any) -> dict[str, Any]:
    return {
        "type": "XPathSelector",
        "value": container,
        "refinedBy": {"type": "TextPositionSelector", "start": start, "end": end},
    }
