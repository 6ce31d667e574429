"""Where the links of what we present lead."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LinkSettings:
    """Where links lead.

    Attributes:
        app_url: Public base URL, without a slash at the end.
        authority: The site's own authority; annotations of others have no HTML page here.
        bouncer_url: Base of in-context links, or None for none.
    """

    app_url: str
    authority: str
    bouncer_url: str | None
