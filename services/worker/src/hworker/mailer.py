"""How a message leaves: by SMTP, or as a file where there is no mail server."""

import os
import re
import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Protocol
from uuid import uuid4

from hcommon.errors import ErrorKind, HError, UnavailableError
from hcommon.logging import get_logger

from hworker.settings import Settings

TIMEOUT_SECONDS = 15
_PERMANENT = 500
_CLOSING = 421
_ENHANCED_CODE = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")

_log = get_logger(__name__)


class MailServerUnavailableError(UnavailableError):
    """The mail server is away, busy or not as configured; nothing was sent."""


class MailDeferredError(MailServerUnavailableError):
    """The mail server answers, and will take this one message only later; others may be sent now."""


class MailRefusedError(HError):
    """The mail server will never take this message or this recipient."""

    kind = ErrorKind.INVALID


class Mailer(Protocol):
    """Sends one message to one recipient."""

    def send(self, message: EmailMessage) -> None:
        """Send it; on return somebody else is responsible for it.

        Raises:
            MailServerUnavailableError: Try again later.
            MailRefusedError: Do not try again.
        """
        ...


class SMTPMailer:
    """Sends through `MAIL_HOST`, over a connection a message."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        tls: str,
        local_hostname: str,
        username: str | None = None,
        password: str | None = None,
        timeout_seconds: float = TIMEOUT_SECONDS,
    ) -> None:
        """Prepare; nothing connects before `send`.

        Args:
            host: Name or address of the server.
            port: Its port.
            tls: `none`, `starttls` or `tls`.
            local_hostname: How we introduce ourselves.
            username: For authentication; None for none.
            password: Likewise.
            timeout_seconds: For connecting and for each answer.
        """
        self._host = host
        self._port = port
        self._tls = tls
        self._local_hostname = local_hostname
        self._username = username
        self._password = password or ""
        self._timeout_seconds = timeout_seconds

    def send(self, message: EmailMessage) -> None:
        """Send it; see `Mailer`."""
        with self._connected() as server:
            try:
                server.send_message(message)
            except smtplib.SMTPRecipientsRefused as error:
                code, text = next(iter(error.recipients.values()))
                raise _failure(code, text) from error
            except smtplib.SMTPSenderRefused as error:  # our configuration or quota, not the recipient's fault
                raise MailServerUnavailableError(f"The mail server refuses the sender: {error.smtp_code}.") from error
            except smtplib.SMTPResponseException as error:
                raise _failure(error.smtp_code, error.smtp_error) from error
            except (smtplib.SMTPException, OSError) as error:
                raise MailServerUnavailableError(f"Sending broke off: {type(error).__name__}.") from error

    @contextmanager
    def _connected(self) -> Iterator[smtplib.SMTP]:
        try:
            server = self._connect()
        except (smtplib.SMTPException, OSError) as error:
            code = getattr(error, "smtp_code", "")
            reason = f"The mail server is not available: {type(error).__name__} {code}".rstrip()
            raise MailServerUnavailableError(f"{reason}.") from error
        try:
            yield server
        finally:
            # A message is accepted by the answer to its data; what goes wrong after that must not send it again.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()

    def _connect(self) -> smtplib.SMTP:
        if self._tls == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host,
                self._port,
                local_hostname=self._local_hostname,
                timeout=self._timeout_seconds,
                context=ssl.create_default_context(),
            )
        else:
            server = smtplib.SMTP(
                self._host, self._port, local_hostname=self._local_hostname, timeout=self._timeout_seconds
            )
        try:
            if self._tls == "starttls":
                server.starttls(context=ssl.create_default_context())
            if self._username is not None:
                server.login(self._username, self._password)
        except BaseException:
            server.close()
            raise
        return server


class DirectoryMailer:
    """Keeps messages as `.eml` files; the web service shows them at `/dev/mail`."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def send(self, message: EmailMessage) -> None:
        """Write it under its date and id, whole or not at all; see `Mailer`."""
        sent_at: datetime = parsedate_to_datetime(message["Date"])
        name = f"{sent_at:%Y%m%dT%H%M%SZ}-{_UNSAFE.sub('_', message['Message-ID'].strip('<>'))[:120]}.eml"
        partial = self._directory / f".{uuid4().hex}.partial"
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                file.write(message.as_bytes())
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self._directory / name)
        except OSError as error:
            with suppress(OSError):
                partial.unlink(missing_ok=True)
            raise MailServerUnavailableError(f"Mail cannot be written to {self._directory}: {error}.") from error


class DroppingMailer:
    """Sends nothing and says so: neither `MAIL_HOST` nor `MAIL_DIR` is set."""

    def send(self, message: EmailMessage) -> None:
        """Drop it."""
        _log.warning("mail_dropped", message_id=message["Message-ID"], hint="set MAIL_HOST or MAIL_DIR")


def create_mailer(settings: Settings) -> Mailer:
    """Return the mailer that the settings ask for."""
    if settings.mail_host:
        password = settings.mail_password
        return SMTPMailer(
            host=settings.mail_host,
            port=settings.mail_port,
            tls=settings.mail_tls,
            local_hostname=settings.authority,
            username=settings.mail_username,
            password=password.get_secret_value() if password else None,
        )
    return DirectoryMailer(settings.mail_dir) if settings.mail_dir else DroppingMailer()


def _failure(code: int, text: bytes | str) -> HError:
    """Return what an answer of the server means: 4xx passes, 5xx does not (RFC 5321, section 4.2.1)."""
    # The rest of the answer often repeats the address, which does not belong in logs.
    enhanced = _ENHANCED_CODE.match(text.decode("ascii", "replace") if isinstance(text, bytes) else text)
    reason = f"{code} {enhanced[0]}" if enhanced else f"{code}"
    if code >= _PERMANENT:
        return MailRefusedError(f"The mail server refused the message: {reason}.")
    if code == _CLOSING:
        return MailServerUnavailableError(f"The mail server is closing: {reason}.")
    return MailDeferredError(f"The mail server put the message off: {reason}.")
