"""Addresses of clients behind proxies."""

from ipaddress import ip_network

import pytest
from hwebsocket.addresses import client_address

PROXIES = [ip_network("10.0.0.0/8"), ip_network("::1/128")]


class TestClientAddress:
    @pytest.mark.parametrize(
        ("peer", "forwarded_for", "expected"),
        [
            ("192.0.2.1", "", "192.0.2.1"),
            ("192.0.2.1", "198.51.100.7", "192.0.2.1"),
            ("10.0.0.1", "198.51.100.7", "198.51.100.7"),
            ("10.0.0.1", "203.0.113.9, 198.51.100.7, 10.0.0.2", "198.51.100.7"),
            ("10.0.0.1", "10.0.0.2", "10.0.0.2"),
            ("10.0.0.1", "", "10.0.0.1"),
            ("::1", "2001:db8::7", "2001:db8::7"),
            ("10.0.0.1", "unknown", "unknown"),
            ("", "198.51.100.7", ""),
        ],
    )
    def test_is_the_nearest_that_is_no_trusted_proxy(self, peer: str, forwarded_for: str, expected: str) -> None:
        assert client_address(peer=peer, forwarded_for=forwarded_for, trusted=PROXIES) == expected
