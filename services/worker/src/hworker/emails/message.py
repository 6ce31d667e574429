"""What all messages have in common: headers, and a text and an HTML part from templates.

Source: RFC 5322 for the headers, RFC 3834 for `Auto-Submitted`.
"""

import re
from collections.abc import Mapping
from datetime import datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from functools import cache

from hcommon.errors import HError
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

_NOT_IN_HEADERS = re.compile(r"[\s\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_LONGEST_HEADER_VALUE = 200


class UnusableAddressError(HError):
    """A stored address that no mail can be sent to."""


def compose(
    *,
    to: str,
    sender: str,
    subject: str,
    message_id: str,
    template: str,
    values: Mapping[str, object],
    now: datetime,
) -> EmailMessage:
    """Return a message ready to send.

    Args:
        to: The recipient's bare address.
        sender: `MAIL_DEFAULT_SENDER`.
        subject: May hold what users wrote; it becomes one line.
        message_id: The part between the angle brackets; the same for the same news to the same person, so that mail
            servers can drop a duplicate.
        template: Name of the two templates, without ending.
        values: For the templates.
        now: Goes into `Date`.

    Raises:
        UnusableAddressError: `to` is not an address.
    """
    message = EmailMessage(policy=SMTP)
    name, address = parseaddr(sender)
    message["From"] = Address(one_line(name), addr_spec=address)
    message["To"] = _recipient(to)
    message["Subject"] = one_line(subject)
    message["Date"] = format_datetime(now)
    message["Message-ID"] = f"<{message_id}>"
    message["Auto-Submitted"] = "auto-generated"
    environment = _environment()
    message.set_content(environment.get_template(f"{template}.txt").render(values), cte="quoted-printable")
    html = environment.get_template(f"{template}.html").render(values)
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    return message


def one_line(text: str) -> str:
    """Return user's text as it may stand in a header: one line without control characters, not too long."""
    line = _NOT_IN_HEADERS.sub(" ", text).strip()
    line = line.encode("utf-8", "replace").decode()
    return line if len(line) <= _LONGEST_HEADER_VALUE else line[: _LONGEST_HEADER_VALUE - 1] + "…"


def _recipient(address: str) -> Address:
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
