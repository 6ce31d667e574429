"""Pages that are never looked up: their addresses are private, or not pages at all."""

import re
from typing import Final

_BLOCKED: Final = re.compile(
    r"chrome://|https?://(?:[^/?#@]*@)?(?:(?:www\.)?facebook\.com|mail\.google\.com)(?::[0-9]*)?(?:[/?#]|\Z)",
    re.ASCII | re.IGNORECASE,
)


def is_blocked(uri: str) -> bool:
    """Tell whether a page's annotations are not counted. Source: specification of the API, section 1.16."""
    return _BLOCKED.match(uri) is not None
