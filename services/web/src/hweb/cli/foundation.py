"""Rows that every installation has: the public group and the site's own OAuth client."""

from datetime import datetime
from typing import Final

from hcommon.crypto import UndecryptableError
from hcommon.errors import HError
from hcommon.ids import WORLD_GROUP
from hcommon.models import AuthClient, Group
from hcommon.models.group import JoinableBy, ReadableBy, WriteableBy
from sqlalchemy import select
from sqlalchemy.orm import Session

from hweb.authclients import SECRET_LABEL
from hweb.oauth.schemas import AUTHORIZATION_CODE
from hweb.settings import Settings

CLIENT_NAME: Final = "Annotation sidebar"
CLIENT_PAGE: Final = "/app.html"
"""The page that the sidebar runs in; codes are posted to its origin."""


class AuthorityChangedError(HError):
    """The installation was made for another authority; its users would vanish."""


def ensure_world_group(session: Session, *, authority: str, now: datetime) -> None:
    """Create the public group unless it is there.

    Raises:
        AuthorityChangedError: It is there for another authority.
    """
    found = session.scalar(select(Group.authority).where(Group.pubid == WORLD_GROUP))
    if found is None:
        session.add(
            Group(
                pubid=WORLD_GROUP,
                authority=authority,
                name="Public",
                joinable_by=JoinableBy.NOBODY,
                readable_by=ReadableBy.WORLD,
                writeable_by=WriteableBy.AUTHORITY,
                created=now,
                updated=now,
            )
        )
    elif found != authority:
        raise AuthorityChangedError(
            f"This database was made for the authority {found}, and the settings say {authority}. "
            f"Set AUTHORITY={found}, whatever APP_URL is."
        )


def ensure_site_client(session: Session, *, settings: Settings, now: datetime) -> None:
    """Create the site's own OAuth client, or bring it to what the settings say."""
    client = session.get(AuthClient, settings.oauth_client_id)
    if client is None:
        client = AuthClient(id=settings.oauth_client_id, created=now)
        session.add(client)
    client.name = CLIENT_NAME
    client.authority = settings.authority
    client.grant_type = AUTHORIZATION_CODE
    client.redirect_uri = settings.app_url + CLIENT_PAGE
    client.trusted = True
    secret = settings.client_secret.get_secret_value() if settings.client_secret else None
    if _secret_of(client, settings) != secret:
        client.secret_encrypted = settings.keys.encrypt(SECRET_LABEL, secret) if secret else None


def _secret_of(client: AuthClient, settings: Settings) -> str | None:
    try:
        return settings.keys.decrypt(SECRET_LABEL, client.secret_encrypted) if client.secret_encrypted else None
    except UndecryptableError:
        return None
