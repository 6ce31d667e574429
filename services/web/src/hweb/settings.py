"""Settings of the web service and of the `h` command."""

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit
from uuid import UUID

from hcommon.crypto import KeyRing
from hcommon.presentation.annotation import LinkSettings
from hcommon.settings import (
    DatabaseSettings,
    HSettings,
    LimitSettings,
    ListSetting,
    LogSettings,
    MailSettings,
    ProxySettings,
    RedisSettings,
    SearchSettings,
    SecretSettings,
    SiteSettings,
    split_list,
)
from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator


class SignInSettings(HSettings):
    """Ways to sign in."""

    password_login: bool = True
    """Whether people sign up, and log in, with a password. `false` leaves the identity provider (`OIDC_ISSUER`) as the
    only way; connect accounts that exist to it before that."""

    oidc_issuer: str | None = Field(None, examples=["https://login.example.org/realms/staff"])
    """Issuer of an OpenID Connect provider with which people may log in, to the letter as its discovery document has
    it; `https`, or `http` on this very machine. It is told to lead back to `APP_URL/oidc/callback`."""

    oidc_client_id: str | None = Field(None, examples=["h"])
    """Id under which the provider knows this site."""

    oidc_client_secret: SecretStr | None = None
    """Secret that the provider gave out with that id."""

    oidc_name: str = Field("", max_length=60, examples=["Example University"])
    """What the button says after "Log in with". Default: the host name of `OIDC_ISSUER`."""

    oidc_scopes: Annotated[ListSetting, BeforeValidator(split_list)] = ("openid", "profile", "email")
    """What the provider is asked for; `openid` is needed."""

    oidc_signup: bool = True
    """Whether whoever the provider vouches for may make an account. `false` lets in only those who have one."""

    @property
    def provider_name(self) -> str | None:
        """Return what people call the identity provider; None when there is none."""
        return (self.oidc_name or urlsplit(self.oidc_issuer).hostname) if self.oidc_issuer else None

    @field_validator("oidc_issuer")
    @classmethod
    def _is_issuer(cls, value: str | None) -> str | None:
        if value is not None and (not is_safe_from_listeners(value) or "?" in value or "#" in value):
            raise ValueError("must be an https URL without query or fragment (http only for this very machine)")
        return value

    @field_validator("oidc_scopes")
    @classmethod
    def _has_openid(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if "openid" not in value:
            raise ValueError("must contain openid")
        return value

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        given = {
            "OIDC_ISSUER": self.oidc_issuer,
            "OIDC_CLIENT_ID": self.oidc_client_id,
            "OIDC_CLIENT_SECRET": self.oidc_client_secret,
        }
        missing = [name for name, value in given.items() if not value]
        if missing and len(missing) < len(given):
            raise ValueError(f"{' and '.join(missing)} must be set too, to log in through a provider")
        if missing and not self.password_login:
            raise ValueError("PASSWORD_LOGIN=false needs OIDC_ISSUER, or nobody could log in")
        return self


class Settings(
    DatabaseSettings,
    RedisSettings,
    SearchSettings,
    SecretSettings,
    SiteSettings,
    ProxySettings,
    MailSettings,
    LimitSettings,
    LogSettings,
    SignInSettings,
):
    """Everything the web service can be told."""

    port: int = Field(5000, ge=1, le=65535)
    """Port that the web service listens on."""

    listen_host: str = "0.0.0.0"  # noqa: S104 - containers are reached from outside
    """Address that the web service listens on; the embedded mode sets `127.0.0.1`."""

    uvicorn_workers: int = Field(1, ge=1, le=64)
    """Processes that serve requests; one or two a core."""

    page_cache_mb: int = Field(32, ge=0, le=4096)
    """Memory that each process may keep for answers to reads of pages, in megabytes; 0 turns that off."""

    websocket_url: str = Field("", examples=["wss://annotate.example.org/ws"])
    """Public address of the WebSocket. Default: `APP_URL` with `ws` or `wss` and the path `/ws`."""

    client_id: UUID | None = None
    """Id of the site's own OAuth client, which the sidebar uses. Default: derived from `SECRET_KEY`."""

    client_secret: SecretStr | None = None
    """With it, JWT grants signed by it are accepted for users of `AUTHORITY`; they never carry admin rights."""

    h_client_dir: Path | None = None
    """Directory of the unpacked Hypothesis client (it contains `build/`); the image and the embedded mode set it."""

    client_rpc_allowed_origins: Annotated[ListSetting, BeforeValidator(split_list)] = ()
    """Origins of embedding pages that may configure the sidebar by messages."""

    homepage_redirect_url: str | None = None
    """Where `/` leads visitors who are not logged in. Default: the welcome page."""

    csp_enabled: bool = True
    """Whether pages carry a Content-Security-Policy."""

    admin_username: str | None = None
    """With `ADMIN_PASSWORD`: the administrator that `h init` creates when there is none."""

    admin_password: SecretStr | None = None
    """Password of that administrator; without it `h init` prints a one-time link."""

    dev: bool = False
    """Development conveniences: templates are read anew for each page, and tests of clients may have an annotation
    indexed at once (`POST /api/annotations/{id}/reindex`)."""

    @property
    def keys(self) -> KeyRing:
        """Return the keys derived from the master secret."""
        previous = self.secret_key_previous.get_secret_value() if self.secret_key_previous else None
        return KeyRing(self.secret_key.get_secret_value(), previous)

    @property
    def oauth_client_id(self) -> UUID:
        """Return the id of the site's own client."""
        return self.client_id or UUID(bytes=self.keys.derive("client-id")[:16], version=4)

    @property
    def socket_url(self) -> str:
        """Return the WebSocket's public address."""
        return self.websocket_url or "ws" + self.app_url.removeprefix("http") + "/ws"

    @property
    def links(self) -> LinkSettings:
        """Return where the links of annotations lead."""
        return LinkSettings(
            app_url=self.app_url,
            authority=self.authority,
            bouncer_url=self.bouncer_url.rstrip("/") if self.bouncer_url else None,
        )


def is_safe_from_listeners(url: str) -> bool:
    """Tell whether what is sent to an address is encrypted, or does not leave this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme == "http":
            return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False
    return parts.scheme == "https" and bool(host)
