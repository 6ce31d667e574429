"""The address of a client behind reverse proxies."""

from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address


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


def _is_in(address: str, networks: Sequence[IPv4Network | IPv6Network]) -> bool:
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    return any(parsed in network for network in networks)
