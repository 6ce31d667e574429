"""Messages in a directory of `.eml` files."""

import re
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

from hcommon.errors import ErrorKind, HError

_SUFFIX = ".eml"
_LINK = re.compile(r"(https?://[^\s<>\"]*[^\s<>\".,;:!?)\]])")
_MAX_LISTED = 200
_parser = BytesParser(policy=policy.default)


class MessageNotFoundError(HError):
    """There is no such message, or no mailbox at all."""

    kind = ErrorKind.NOT_FOUND


@dataclass(frozen=True, slots=True)
class Summary:
    """A message in the list; all texts are as the sender wrote them."""

    name: str
    subject: str
    recipient: str
    date: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message to read.

    Attributes:
        pieces: The plain text; each piece is a text and whether it is the address of a link.
        html: The other form of the same, or None.
    """

    summary: Summary
    sender: str
    pieces: tuple[tuple[str, bool], ...]
    html: str | None


def newest(directory: Path) -> list[Summary]:
    """Return the newest messages first, at most 200; none while there is no directory yet."""
    paths = [path for path in directory.glob(f"*{_SUFFIX}") if path.is_file()]
    paths.sort(key=lambda path: (path.stat().st_mtime_ns, path.name), reverse=True)
    return [_summary(path.name, _parse(path)) for path in paths[:_MAX_LISTED]]


def read(directory: Path, name: str) -> Message:
    """Return one message.

    Raises:
        MessageNotFoundError: There is none of this name in the directory itself.
    """
    # A name is compared, never joined to the path.
    path = next((path for path in directory.glob(f"*{_SUFFIX}") if path.name == name and path.is_file()), None)
    if path is None:
        raise MessageNotFoundError("There is no such message.")
    mail = _parse(path)
    text = _body(mail, "plain") or ""
    return Message(
        summary=_summary(name, mail),
        sender=str(mail.get("From", "")),
        pieces=tuple((piece, index % 2 == 1) for index, piece in enumerate(_LINK.split(text)) if piece),
        html=_body(mail, "html"),
    )


def _parse(path: Path) -> EmailMessage:
    mail = _parser.parsebytes(path.read_bytes())
    assert isinstance(mail, EmailMessage)  # noqa: S101 - what the default policy makes
    return mail


def _summary(name: str, mail: EmailMessage) -> Summary:
    subject, recipient, date = (str(mail.get(header, "")) for header in ("Subject", "To", "Date"))
    return Summary(name=name, subject=subject or "(no subject)", recipient=recipient, date=date)


def _body(mail: EmailMessage, kind: str) -> str | None:
    part = mail.get_body(preferencelist=(kind,))
    if part is None:
        return None
    payload = part.get_payload(decode=True)
    return payload.decode("utf-8", "replace") if isinstance(payload, bytes) else None
