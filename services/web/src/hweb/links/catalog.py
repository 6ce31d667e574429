"""The names that clients know the API by, and the addresses behind them.

Source: specification of the API, sections 1.2 to 1.4; the client's needs, section 2.2, for the names without which it
breaks.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hweb.settings import Settings


@dataclass(frozen=True, slots=True)
class Link:
    """One entry of the index.

    Attributes:
        name: Dotted; each part is a level of the index.
        path: Below `/api/`, with `:name` placeholders.
        required: The client asks for it by this name, so that it's listed in any case.
    """

    name: str
    method: str
    path: str
    description: str
    required: bool = False

    @property
    def template(self) -> str:
        """Return the path as routes are declared, with `{}` for each placeholder."""
        return "/api/" + "/".join("{}" if part.startswith(":") else part for part in self.path.split("/"))


LINKS = (
    Link("analytics.events.create", "POST", "analytics/events", "Report an event of the client", required=True),
    Link("annotation.create", "POST", "annotations", "Create an annotation", required=True),
    Link("annotation.delete", "DELETE", "annotations/:id", "Delete an annotation", required=True),
    Link("annotation.flag", "PUT", "annotations/:id/flag", "Flag an annotation for review", required=True),
    Link("annotation.hide", "PUT", "annotations/:id/hide", "Hide an annotation as a moderator", required=True),
    Link("annotation.moderate", "PATCH", "annotations/:id/moderation", "Set the moderation status", required=True),
    Link("annotation.read", "GET", "annotations/:id", "Fetch an annotation", required=True),
    Link("annotation.reindex", "POST", "annotations/:id/reindex", "Index an annotation now (development only)"),
    Link("annotation.unhide", "DELETE", "annotations/:id/hide", "Unhide an annotation as a moderator", required=True),
    Link("annotation.update", "PATCH", "annotations/:id", "Change an annotation", required=True),
    Link("bulk.action", "POST", "bulk", "Perform several operations at once"),
    Link("bulk.annotation", "POST", "bulk/annotation", "Retrieve many annotations"),
    Link("bulk.checkpoint", "POST", "bulk/checkpoint", "Create or read checkpoints"),
    Link("bulk.checkpoint.reveal", "POST", "bulk/checkpoint/reveal", "Reveal checkpoints"),
    Link("bulk.group", "POST", "bulk/group", "Find groups with recent annotations"),
    Link("bulk.lms.annotations", "POST", "bulk/lms/annotations", "Count annotations by assignment or user"),
    Link("group.annotations.read", "GET", "groups/:pubid/annotations", "Fetch a group's annotations for moderation"),
    Link("group.create", "POST", "groups", "Create a group"),
    Link("group.member.add", "POST", "groups/:pubid/members/:userid", "Add a member to a group"),
    Link("group.member.delete", "DELETE", "groups/:pubid/members/:userid", "Remove a member", required=True),
    Link("group.member.edit", "PATCH", "groups/:pubid/members/:userid", "Change a member's role"),
    Link("group.member.read", "GET", "groups/:pubid/members/:userid", "Fetch one membership"),
    Link("group.members.read", "GET", "groups/:pubid/members", "List the members of a group", required=True),
    Link("group.read", "GET", "groups/:id", "Fetch a group", required=True),
    Link("group.update", "PATCH", "groups/:id", "Change a group"),
    Link("groups.read", "GET", "groups", "List the groups that matter for a document and a user", required=True),
    Link("index", "GET", "", "List the API's addresses"),
    Link("links", "GET", "links", "List the addresses of pages", required=True),
    Link("profile.groups.read", "GET", "profile/groups", "List the user's groups", required=True),
    Link("profile.read", "GET", "profile", "Fetch the user's profile", required=True),
    Link("profile.update", "PATCH", "profile", "Change the user's preferences", required=True),
    Link("search", "GET", "search", "Search for annotations", required=True),
    Link("user.create", "POST", "users", "Create a user of the caller's authority"),
    Link("user.read", "GET", "users/:userid", "Fetch a user of the caller's authority"),
    Link("user.update", "PATCH", "users/:username", "Change a user of the caller's authority"),
)


def index(settings: Settings, links: Iterable[Link]) -> dict[str, Any]:
    """Return the nested index; an entry that has entries below it holds both."""
    root: dict[str, Any] = {}
    for link in links:
        level = root
        for part in link.name.split("."):
            level = level.setdefault(part, {})
        level |= {"method": link.method, "url": f"{settings.app_url}/api/{link.path}", "desc": link.description}
    return root


def page_links(settings: Settings) -> dict[str, str]:
    """Return the addresses of pages and of the WebSocket, sorted by name; `:user` and `:tag` are for the client."""
    site = settings.app_url
    return {
        "account.settings": f"{site}/account/settings",
        "forgot-password": f"{site}/forgot-password",
        "groups.new": f"{site}/groups/new",
        "help": f"{site}/docs/help",
        "oauth.authorize": f"{site}/oauth/authorize",
        "oauth.revoke": f"{site}/oauth/revoke",
        "search.tag": f"{site}/stream?q=tag%3A%22:tag%22",
        "signup": f"{site}/signup",
        "user": f"{site}/u/:user",
        "websocket": settings.socket_url,
    }
