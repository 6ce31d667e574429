"""Settings of the websocket service."""

from hcommon.settings import (
    BrokerSettings,
    DatabaseSettings,
    InstanceSettings,
    ListSetting,
    LogSettings,
    ProxySettings,
    SiteSettings,
    split_list,
)
from pydantic import Field, field_validator

from hwebsocket.origins import ANY_ORIGIN, normalize_origin


class Settings(DatabaseSettings, BrokerSettings, SiteSettings, LogSettings, InstanceSettings, ProxySettings):
    """Everything that the websocket service reads from its environment."""

    websocket_host: str = Field("", examples=["127.0.0.1"])
    """Address to listen on; empty means all."""

    websocket_port: int = Field(5001, ge=0, le=65535)
    """Port to listen on; 0 takes a free one."""

    allowed_origins: ListSetting = Field((), examples=["https://annotate.example.org"])
    """Origins, besides that of `APP_URL`, whose pages may open a socket; `*` for all."""

    websocket_max_connections: int = Field(20_000, ge=1)
    """Most sockets that a process holds; further ones are refused with 503."""

    websocket_max_connections_per_address: int = Field(2_000, ge=1)
    """Most of them from one address of the internet (of IPv6 a /64); further ones are refused with 429. Private
    addresses are not counted. Behind a proxy, `TRUSTED_PROXIES` must name it for others to be told apart."""

    websocket_max_message_bytes: int = Field(64 * 1024, ge=1024)
    """Longest message that a client may send; a longer one closes the socket with 1009."""

    websocket_messages_per_second: int = Field(20, ge=1)
    """Messages and pings that a client may send in the long run, and twice as many at once; a message counts once
    more for each 4 KiB. More close the socket with 1008."""

    websocket_send_queue_bytes: int = Field(1024 * 1024, ge=1024)
    """Bytes that may wait for one client that reads slowly; more close its socket with 1013."""

    websocket_ping_interval_seconds: float = Field(30, gt=0)
    """Each client is pinged this often; one that answered no ping until the next is taken to be gone."""

    websocket_drain_seconds: float = Field(5, ge=0)
    """On SIGTERM sockets are closed with 1012, spread over at most this time, so that not all come back at once."""

    @field_validator("allowed_origins", mode="before")
    @classmethod
    def _split(cls, value: object) -> object:
        return split_list(value)

    @field_validator("allowed_origins")
    @classmethod
    def _are_origins(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for item in value:
            if item != ANY_ORIGIN and normalize_origin(item) is None:
                raise ValueError(f"{item} is not an origin like https://example.org, nor *")
        return value
