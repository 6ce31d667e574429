"""Frames that we write ourselves, against those that Tornado writes."""

from typing import Any

import pytest
import tornado
from hwebsocket.frames import PING, UnsupportedTornadoError, check_tornado, stream_of, text_frame
from tornado.httputil import HTTPHeaders, HTTPServerRequest, RequestStartLine
from tornado.web import Application
from tornado.websocket import WebSocketHandler, WebSocketProtocol13, _WebSocketParams


class RecordingStream:
    def __init__(self) -> None:
        self.written = b""

    def write(self, data: bytes) -> None:
        self.written += data


class Connection:
    """What a request of Tornado's has beneath it."""

    context = None

    def set_close_callback(self, callback: Any) -> None:
        pass


def handler(handler_class: type[WebSocketHandler] = WebSocketHandler) -> WebSocketHandler:
    start_line = RequestStartLine("GET", "/ws", "HTTP/1.1")
    request = HTTPServerRequest(start_line=start_line, headers=HTTPHeaders({"Host": "x"}), connection=Connection())  # type: ignore[arg-type]  # a stand-in
    return handler_class(Application(), request)


def tornados_frame(opcode: int, payload: bytes) -> bytes:
    protocol = WebSocketProtocol13(handler(), mask_outgoing=False, params=_WebSocketParams())
    stream = RecordingStream()
    protocol.stream = stream  # type: ignore[assignment]  # records instead of sending
    protocol._write_frame(fin=True, opcode=opcode, data=payload)
    return stream.written


class TestTextFrame:
    @pytest.mark.parametrize("length", [0, 1, 125, 126, 127, 65_535, 65_536, 70_000])
    def test_is_what_tornado_would_write(self, length: int) -> None:
        payload = b"x" * length
        assert text_frame(payload) == tornados_frame(0x1, payload)


class TestPing:
    def test_is_what_tornado_would_write(self) -> None:
        assert tornados_frame(0x9, b"") == PING


class TestCheckTornado:
    def test_passes_with_the_installed_release(self) -> None:
        check_tornado()

    @pytest.mark.parametrize("version", [(6, 5, 2, 0), (6, 7, 0, 0), (7, 0, 0, 0)])
    def test_refuses_one_that_was_not_tried_and_says_what_to_do(self, version: tuple[int, ...]) -> None:
        with pytest.raises(UnsupportedTornadoError, match=r"tried with Tornado 6\.6.*Run its tests"):
            check_tornado(version)

    def test_the_pin_names_the_release_that_is_installed(self) -> None:
        assert tornado.version_info[:2] == (6, 6)


class TestStreamOf:
    def test_refuses_a_socket_that_is_not_open(self) -> None:
        with pytest.raises(UnsupportedTornadoError):
            stream_of(handler())

    @pytest.mark.parametrize("masked", [True, False])
    def test_refuses_masking_and_compression(self, masked: bool) -> None:
        class Compressing(WebSocketHandler):
            def get_compression_options(self) -> dict[str, Any] | None:
                return None if masked else {"compression_level": 1}

        opened = handler(Compressing)
        opened.ws_connection = WebSocketProtocol13(opened, mask_outgoing=masked, params=_WebSocketParams())
        with pytest.raises(UnsupportedTornadoError):
            stream_of(opened)
