"""Ports for servers that a test starts."""

import random
import socket

# Below those that systems hand out for outgoing connections: asking for "any" port gives one of these, and before the
# test's server opens it, the next one to ask, or an outgoing connection, may have it.
FIRST_PORT = 12_000
LAST_PORT = 31_999

_order = random.SystemRandom().sample(range(FIRST_PORT, LAST_PORT + 1), LAST_PORT + 1 - FIRST_PORT)


def free_port() -> int:
    """Return a TCP port that nobody listens on, and that this process did not return before."""
    while True:
        port = _order.pop()
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return port
