"""What the client is told: where things are, and what its pages may load.

All addresses are absolute and derive from `APP_URL`. Source: the client's needs, sections 0, 1.1, 1.3 and 1.5.
"""

from typing import Any
from urllib.parse import urlsplit

from hweb.security_headers import policy
from hweb.settings import Settings

# Players that the client puts into annotations for links to videos.
_PLAYERS = "https://www.youtube.com https://player.vimeo.com https://archive.org"


def asset_root(settings: Settings, *, version: str) -> str:
    """Return the URL below which the client's `build/` lies."""
    return f"{settings.app_url}/client/{version}/"


def host_page_config(settings: Settings, *, version: str) -> dict[str, str]:
    """Return the four addresses that the client needs in the page that is annotated."""
    return {
        "assetRoot": asset_root(settings, version=version),
        "sidebarAppUrl": f"{settings.app_url}/app.html",
        "notebookAppUrl": f"{settings.app_url}/notebook",
        "profileAppUrl": f"{settings.app_url}/user-profile",
    }


def app_config(settings: Settings, *, version: str) -> dict[str, Any]:
    """Return what the client's own pages need."""
    return {
        "apiUrl": f"{settings.app_url}/api/",
        "authDomain": settings.authority,
        "oauthClientId": str(settings.oauth_client_id),
        "rpcAllowedOrigins": list(settings.client_rpc_allowed_origins),
        "assetRoot": asset_root(settings, version=version),
    }


def app_policy(settings: Settings, *, framed: bool) -> str:
    """Return the policy of the client's own pages: our scripts, and whatever media annotations embed."""
    ours = f"'self' {settings.app_url}"
    socket = urlsplit(settings.socket_url)
    return policy(
        {
            "script-src": ours,
            "style-src": f"{ours} 'unsafe-inline'",  # formulas are laid out with style attributes
            "font-src": ours,
            "img-src": f"{ours} data: blob: http: https:",
            "media-src": "http: https:",
            "frame-src": _PLAYERS,
            "connect-src": f"{ours} {socket.scheme}://{socket.netloc}",
            "form-action": "'none'",
            "frame-ancestors": None if framed else "'none'",
        }
    )


def host_page_policy(settings: Settings) -> str:
    """Return the policy of our own pages that have the sidebar embedded. Source: as above, section 6."""
    ours = f"'self' {settings.app_url}"
    return policy({"script-src": ours, "style-src": ours, "font-src": ours, "frame-src": ours, "connect-src": ours})
