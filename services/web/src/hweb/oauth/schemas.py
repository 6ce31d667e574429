"""What the OAuth feature works with."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, NotRequired
from urllib.parse import urlsplit
from uuid import UUID

from typing_extensions import TypedDict

SCOPES: Final = ("annotation:read", "annotation:write")
"""Every token has both, whatever is asked for. Source: specification of the API, section 2.2."""

ACCESS_PREFIX: Final = "5768-"
REFRESH_PREFIX: Final = "4657-"
DEVELOPER_PREFIX: Final = "6879-"

ACCESS_LIFETIME: Final = timedelta(hours=1)
REFRESH_LIFETIME: Final = timedelta(days=7)
CODE_LIFETIME: Final = timedelta(minutes=10)
REFRESH_GRACE: Final = timedelta(minutes=3)
"""How long a refresh token that was used is honoured again: two tabs may use it at the same moment."""

AUTHORIZATION_CODE: Final = "authorization_code"
REFRESH_TOKEN: Final = "refresh_token"  # noqa: S105 - the name of a grant type
JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
CLIENT_JWT_BEARER: Final = "jwt_bearer"
"""The grant type of a client that signs assertions, as it is stored."""


@dataclass(frozen=True, slots=True)
class Client:
    """An OAuth client, under the names that oauthlib asks for.

    Attributes:
        client_id: Its id as text.
        secret: In clear; None for public clients.
        public: Exchanges codes without a secret. The site's own client does even when it has one for assertions.
    """

    id: UUID
    name: str
    authority: str
    secret: str | None = field(repr=False)
    grant_type: str
    redirect_uri: str | None
    trusted: bool
    public: bool

    @property
    def client_id(self) -> str:
        """Return the id as text."""
        return str(self.id)

    @property
    def origin(self) -> str:
        """Return scheme, host and port of the redirect URI: where codes may be posted to."""
        parts = urlsplit(self.redirect_uri or "")
        return f"{parts.scheme}://{parts.netloc}"

    @property
    def may_sign(self) -> bool:
        """Tell whether assertions signed with the secret are accepted."""
        return self.secret is not None and (self.grant_type == CLIENT_JWT_BEARER or self.public)


@dataclass(frozen=True, slots=True)
class Code:
    """An authorization code that may still be exchanged."""

    user_id: int
    auth_client_id: UUID
    redirect_uri: str | None
    code_challenge: str | None
    browser_session: str | None


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token that may still be used.

    Attributes:
        id: Key of the pair that it belongs to.
    """

    id: int
    grant_id: UUID
    auth_client_id: UUID
    user_id: int
    replaced_at: datetime | None


@dataclass(frozen=True, slots=True)
class GrantOfToken:
    """The grant that a token is of.

    Attributes:
        browser_session: Key of the browser session that ends with it; None for none.
    """

    id: UUID
    user_id: int
    browser_session: str | None


@dataclass(frozen=True, slots=True)
class AboutToken:
    """What the bearer of an access or developer token may know of it.

    Attributes:
        expires: None for a developer token: never.
        client_id: None for a developer token.
    """

    userid: str
    issued: datetime
    expires: datetime | None
    client_id: UUID | None
    client_name: str | None


class TokenRequest(TypedDict):
    """What a grant is exchanged by; which fields it needs depends on `grant_type`."""

    grant_type: str
    client_id: NotRequired[str]
    client_secret: NotRequired[str]
    code: NotRequired[str]
    code_verifier: NotRequired[str]
    redirect_uri: NotRequired[str]
    refresh_token: NotRequired[str]
    assertion: NotRequired[str]


class TokenAnswer(TypedDict):
    """Tokens; `expires_in` is in seconds."""

    access_token: str
    expires_in: float
    token_type: str
    scope: str
    refresh_token: str


class OAuthFailure(TypedDict):
    """Why there is no token. Source: RFC 6749, section 5.2."""

    status: str
    reason: str
    error: str
    error_description: NotRequired[str]


class RevokeRequest(TypedDict):
    """The token to end; it may be of either kind."""

    token: str
    token_type_hint: NotRequired[str]


class TokenClient(TypedDict):
    """For which application a token was made."""

    id: str
    name: str


class TokenFacts(TypedDict):
    """Whose a token is, and from when to when it is good; `expires_at` is null for one without an end."""

    userid: str
    expires_at: str | None
    issued_at: str
    expired: bool
    client: NotRequired[TokenClient]


class MissingToken(TypedDict):
    """That there is no valid token."""

    error: str
    error_description: str
