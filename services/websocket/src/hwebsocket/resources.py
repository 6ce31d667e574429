"""What the process asks of the system, so that it can hold many thousand sockets."""

import resource
from typing import Final

from hcommon.logging import get_logger

from hwebsocket.settings import Settings

# Connections to PostgreSQL and the broker, listeners, and handshakes that are about to be refused.
_OTHER_FILES: Final = 256

_log = get_logger(__name__)


def within_file_limit(settings: Settings) -> Settings:
    """Allow as many open files as the system lets us, as each socket is one, and no more sockets than that."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    most = max(1, hard - _OTHER_FILES)
    if hard == resource.RLIM_INFINITY or settings.websocket_max_connections <= most:
        return settings
    _log.warning("file_limit_is_low", files=hard, sockets=most, asked=settings.websocket_max_connections)
    return settings.model_copy(update={"websocket_max_connections": most})
