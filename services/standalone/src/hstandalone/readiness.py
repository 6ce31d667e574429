"""Ask a service of this machine whether it works."""

import http.client
from urllib.parse import urlsplit

_TIMEOUT_SECONDS = 2.0
_OK = 200


def answers(url: str) -> bool:
    """Tell whether a GET answers 200; never by way of a proxy, whatever the environment says."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port, timeout=_TIMEOUT_SECONDS)
    try:
        connection.request("GET", parts.path)
        return connection.getresponse().status == _OK
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()
