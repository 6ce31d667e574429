"""Addresses of clients behind proxies."""

from ipaddress import ip_network

import pytest
from hwebsocket.addresses import Sockets, client_address

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


class TestSockets:
    @pytest.mark.parametrize(
        ("address", "neighbour", "stranger"),
        [
            ("8.8.8.8", "::ffff:8.8.8.8", "8.8.4.4"),
            ("2600:1:2:3::4", "2600:1:2:3:5:6:7:8", "2600:1:2:4::4"),
        ],
    )
    def test_are_so_many_an_address_and_no_more_until_one_closes(
        self, address: str, neighbour: str, stranger: str
    ) -> None:
        sockets = Sockets(most=2)
        sockets.opened(address)
        assert sockets.may_open(neighbour)
        sockets.opened(neighbour)
        assert not sockets.may_open(address)
        assert not sockets.may_open(neighbour)
        assert sockets.may_open(stranger)
        sockets.closed(neighbour)
        assert sockets.may_open(address)
        sockets.closed(address)
        assert sockets.may_open(address)

    @pytest.mark.parametrize("address", ["127.0.0.1", "10.1.2.3", "172.18.0.1", "::1", "fe80::1%eth0", "unknown", ""])
    def test_of_a_proxy_or_of_ones_own_network_are_not_counted(self, address: str) -> None:
        sockets = Sockets(most=1)
        for _ in range(3):
            assert sockets.may_open(address)
            sockets.opened(address)
        for _ in range(3):
            sockets.closed(address)
