"""The client's messages, and the replies to them.

Source: specification of the API, section 3.2; specification of the client, section 3.
"""

from typing import Any, Final, Protocol

import orjson
from hcommon.errors import HError

from hwebsocket.filters import Filter, InvalidFilterError, parse_filter

_LONGEST_CLIENT_ID: Final = 256


class Client(Protocol):
    """What a message can ask of, or tell about, whoever sent it."""

    @property
    def userid(self) -> str | None:
        """Whom the socket speaks for; None for anybody."""
        ...

    def identify(self, client_id: str) -> None:
        """Take the name by which the client's own changes are recognised."""
        ...

    def subscribe(self, wanted: Filter) -> None:
        """Take a filter in place of the one before."""
        ...


class NotJSONError(HError):
    """The message is not JSON at all: whoever sent it speaks another protocol."""


class MessageError(HError):
    """A message that cannot be done; the reply names it by `reply_type`."""

    reply_type = "invalid_data"


class UnknownTypeError(MessageError):
    """A message without a type, or of one that there is not."""

    reply_type = "invalid_type"


def receive(client: Client, text: str) -> bytes | None:
    """Do what a message says and return the reply as JSON, or None when there is none.

    A reply goes only to a message whose `id` is a number, be it a fraction, true or false. JSON that is not an
    object is ignored.

    Raises:
        NotJSONError: The text is not JSON.
    """
    try:
        message = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise NotJSONError("invalid message format") from error
    if not isinstance(message, dict):
        return None
    try:
        reply = _do(client, message)
    except MessageError as error:
        reply = {"type": "error", "error": {"type": error.reply_type, "description": error.reason}, "ok": False}
    message_id = message.get("id")
    if reply is None or not isinstance(message_id, int | float):
        return None
    return orjson.dumps({"ok": True} | reply | {"reply_to": message_id})


def _do(client: Client, message: dict[str, Any]) -> dict[str, Any] | None:
    match _type_of(message):
        case "ping":
            return {"type": "pong"}
        case "whoami":
            return {"type": "whoyouare", "userid": client.userid}
        case "client_id":
            client.identify(_client_id(message))
        case "filter":
            client.subscribe(_filter(message))
        case _:
            raise UnknownTypeError("The types of messages are client_id, filter, ping and whoami.")
    return None


def _type_of(message: dict[str, Any]) -> object:
    """Return the type, also of the older forms: `messageType`, and a filter without any."""
    for key in ("type", "messageType"):
        if key in message:
            return message[key]
    return "filter" if "filter" in message else None


def _client_id(message: dict[str, Any]) -> str:
    value = message.get("value")
    if not isinstance(value, str) or not 0 < len(value) <= _LONGEST_CLIENT_ID:
        raise MessageError(f"A client_id has a value: text of at most {_LONGEST_CLIENT_ID} characters.")
    return value


def _filter(message: dict[str, Any]) -> Filter:
    if "filter" not in message:
        raise MessageError("A filter message has a filter.")
    try:
        return parse_filter(message["filter"])
    except InvalidFilterError as error:
        raise MessageError(error.reason) from error
