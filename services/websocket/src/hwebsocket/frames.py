"""Websocket frames as bytes, made once and written to any number of sockets.

Tornado's `write_message` frames its text again and makes a task for every socket. Here the frame of an event is made
once for all who see the same, and each socket's stream takes the same bytes. That is correct only as long as Tornado
writes its own frames (pong, close) in one piece through the same stream, unmasked and uncompressed;
`check_tornado` refuses a release with which that was not tried.

Source: RFC 6455, section 5.2; tornado/websocket.py, `WebSocketProtocol13._write_frame`.
"""

import struct
from asyncio import Future
from collections.abc import Sequence
from typing import Final

import tornado
from tornado.iostream import IOStream, StreamClosedError
from tornado.websocket import WebSocketHandler, WebSocketProtocol13

SUPPORTED_TORNADO: Final = (6, 6)
_NEEDED: Final = ("_write_frame", "_send_pong", "close", "is_closing")

_FIN_TEXT: Final = 0x81
_FIN_PING: Final = 0x89
_SHORT: Final = 125
_MEDIUM: Final = 0xFFFF
_LENGTH_16_BITS: Final = 126
_LENGTH_64_BITS: Final = 127

PING: Final = bytes((_FIN_PING, 0))
"""An empty ping."""


class UnsupportedTornadoError(Exception):
    """The installed Tornado is not one that frames were tried with."""


def check_tornado(version: tuple[int, ...] = tornado.version_info) -> None:
    """Pass if the installed Tornado is one that this module was written for; call once, at start.

    Raises:
        UnsupportedTornadoError: It is another, or lacks what this module builds on.
    """
    missing = [name for name in _NEEDED if not hasattr(WebSocketProtocol13, name)]
    if version[:2] != SUPPORTED_TORNADO or missing:
        raise UnsupportedTornadoError(
            f"hwebsocket writes its own frames and was tried with Tornado {_dotted(SUPPORTED_TORNADO)}; "
            f"installed is {_dotted(version[:3])}{f', without {missing}' if missing else ''}. "
            "Run its tests with the other release, then change hwebsocket.frames and its pyproject.toml."
        )


def text_frame(payload: bytes) -> bytes:
    """Return one whole text message, as a server sends it.

    Args:
        payload: UTF-8.
    """
    length = len(payload)
    if length <= _SHORT:
        head = struct.pack("!BB", _FIN_TEXT, length)
    elif length <= _MEDIUM:
        head = struct.pack("!BBH", _FIN_TEXT, _LENGTH_16_BITS, length)
    else:
        head = struct.pack("!BBQ", _FIN_TEXT, _LENGTH_64_BITS, length)
    return head + payload


def write(stream: IOStream, frames: Sequence[bytes]) -> "tuple[int, Future[None]] | None":
    """Write frames in one piece; return None when the kernel took all, else how much waits and what ends with that.

    Raises:
        StreamClosedError: The client is gone.
    """
    taken = 0
    if not stream.writing():
        if stream.closed():
            raise StreamClosedError
        try:
            taken = stream.socket.send(frames[0]) if len(frames) == 1 else stream.socket.sendmsg(frames)
        except BlockingIOError:
            pass
        except OSError as error:
            stream.close(exc_info=error)
            raise StreamClosedError(real_error=error) from error
        if taken == sum(map(len, frames)):
            return None
    rest = b"".join(frames)[taken:]
    return len(rest), stream.write(rest)


def stream_of(handler: WebSocketHandler) -> IOStream:
    """Return the stream to which frames of an open socket are written.

    Raises:
        UnsupportedTornadoError: The socket masks or compresses, or is not open.
    """
    protocol = handler.ws_connection
    if not isinstance(protocol, WebSocketProtocol13) or protocol.mask_outgoing or handler.get_compression_options():
        raise UnsupportedTornadoError("This socket does not take plain frames.")
    return protocol.stream


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
