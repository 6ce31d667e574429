"""The index and the links to pages, as the API's description shows them.

Source: specification of the API, sections 1.3 and 1.4.
"""

from typing import Any

from typing_extensions import TypedDict


class Index(TypedDict):
    """Nested names; at the end of each is an object of `method`, `url` and `desc`."""

    links: dict[str, Any]


PageLinks = TypedDict(
    "PageLinks",
    {
        "account.settings": str,
        "forgot-password": str,
        "groups.new": str,
        "help": str,
        "oauth.authorize": str,
        "oauth.revoke": str,
        "search.tag": str,
        "signup": str,
        "user": str,
        "websocket": str,
    },
)
"""Addresses of pages; `:user` and `:tag` are to be replaced."""
