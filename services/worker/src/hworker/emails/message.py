"""What all messages have in common: headers, and a text and an HTML part from templates.

Source: RFC 5322 for the headers, RFC 3834 for `Auto-Submitted`, RFC 8058 for `List-Unsubscribe-Post`.
"""

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import SMTP, Policy
from email.utils import format_datetime, parseaddr
from functools import cache

from hcommon.errors import HError
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

_NOT_IN_HEADERS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONGEST_HEADER_VALUE = 200


class _LinkHeader(UnstructuredHeader):
    """A header that holds an address of the web in one piece: folding would cut it, or encode it past recognition."""

    def fold(self, *, policy: Policy) -> str:
        """Return the header as one line, which may have 998 characters by RFC 5322."""
        return f"{self.name}: {self}{policy.linesep}"  # type: ignore[attr-defined]  # BaseHeader is mixed in later


_headers = HeaderRegistry()
_headers.map_to_type("list-unsubscribe", _LinkHeader)  # type: ignore[arg-type]  # as its own map does
_POLICY = SMTP.clone(header_factory=_headers)


class UnusableAddressError(HError):
    """A stored address that no mail can be sent to."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """What surrounds a message, whatever it says.

    Attributes:
        to: The recipient's bare address.
        sender: `MAIL_DEFAULT_SENDER`.
        message_id: The part between the angle brackets; the same for the same news to the same person, so that mail
            servers can drop a duplicate.
        now: Goes into `Date`.
        sender_name: Name to show instead of the sender's own.
        reply_to: Where answers go; None: to the sender.
        unsubscribe_url: Where one click ends mails of this kind; None for mails that were asked for.
    """

    to: str
    sender: str
    message_id: str
    now: datetime
    sender_name: str | None = None
    reply_to: str | None = None
    unsubscribe_url: str | None = None


def compose(envelope: Envelope, *, subject: str, template: str, values: Mapping[str, object]) -> EmailMessage:
    """Return a message ready to send.

    Args:
        envelope: To whom, and by whom.
        subject: May hold what users wrote; it becomes one line.
        template: Name of the two templates, without ending.
        values: For the templates.

    Raises:
        UnusableAddressError: The recipient's address is none.
    """
    message = EmailMessage(policy=_POLICY)
    name, address = parseaddr(envelope.sender)
    message["From"] = Address(one_line(envelope.sender_name or name), addr_spec=address)
    message["To"] = _address(envelope.to)
    if envelope.reply_to is not None:
        with suppress(UnusableAddressError):  # a group's owner mistyped it; the news matters more
            message["Reply-To"] = _address(envelope.reply_to)
    message["Subject"] = one_line(subject)
    message["Date"] = format_datetime(envelope.now)
    message["Message-ID"] = f"<{envelope.message_id}>"
    message["Auto-Submitted"] = "auto-generated"
    if envelope.unsubscribe_url is not None:
        message["List-Unsubscribe"] = f"<{envelope.unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    environment = _environment()
    values = {"subject": subject, "unsubscribe_url": envelope.unsubscribe_url, **values}
    message.set_content(environment.get_template(f"{template}.txt").render(values), cte="quoted-printable")
    html = environment.get_template(f"{template}.html").render(values)
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


def one_line(text: str) -> str:
    """Return user's text as it may stand in a header: one line without control characters, not too long."""
    line = _NOT_IN_HEADERS.sub(" ", text).strip()
    line = line.encode("utf-8", "replace").decode()
    return line if len(line) <= _LONGEST_HEADER_VALUE else line[: _LONGEST_HEADER_VALUE - 1] + "…"


def _address(address: str) -> Address:
    """Return the address; a domain in another script in its ASCII form, which every mail server takes."""
    local, _, domain = address.rpartition("@")
    try:
        if not local or not domain or _NOT_IN_HEADERS.search(address):
            raise UnusableAddressError("This is not an address.")
        return Address(addr_spec=f"{local}@{domain.encode('idna').decode('ascii')}")
    except (ValueError, IndexError, HeaderParseError) as error:
        raise UnusableAddressError("This is not an address.") from error


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("hworker.emails"),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
