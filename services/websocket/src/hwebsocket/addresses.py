"""The address of a client behind reverse proxies, and how many sockets each holds."""

from collections import Counter
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

_IPV6_SITE_BITS: Final = 64


def client_address(*, peer: str, forwarded_for: str, trusted: Sequence[IPv4Network | IPv6Network]) -> str:
    """Return where a request came from.

    Only what a trusted proxy says of its own peer counts, from the nearest on; what a stranger wrote is not looked at.

    Args:
        peer: Address at the other end of the connection.
        forwarded_for: Value of `X-Forwarded-For`, nearest last; may be empty.
        trusted: Networks of the proxies.
    """
    address = peer
    for item in reversed([part.strip() for part in forwarded_for.split(",")]):
        if not _is_in(address, trusted) or not item:
            break
        address = item
    return address


class Sockets:
    """Counts the open sockets of each address of the internet; an IPv6 address as its /64, which one host owns.

    Private addresses are not counted: they are proxies that `TRUSTED_PROXIES` does not name, behind which everybody is,
    or people of one's own network.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._open: Counter[str] = Counter()

    def may_open(self, address: str) -> bool:
        """Return whether an address may open one more."""
        source = _source(address)
        return source is None or self._open.get(source, 0) < self._most

    def opened(self, address: str) -> None:
        """Count one more."""
        source = _source(address)
        if source is not None:
            self._open[source] += 1

    def closed(self, address: str) -> None:
        """Count one less; an address without sockets is not kept."""
        source = _source(address)
        if source is not None:
            self._open[source] -= 1
            if self._open[source] <= 0:
                del self._open[source]


def _source(address: str) -> str | None:
    try:
        parsed = ip_address(address.partition("%")[0])
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        parsed = parsed.ipv4_mapped or parsed
    if not parsed.is_global:
        return None
    return str(parsed if parsed.version == 4 else ip_network((parsed, _IPV6_SITE_BITS), strict=False))  # noqa: PLR2004


def _is_in(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
