"""What sending one mail takes, whatever it says.

No mail is lost and none is sent twice on purpose. A task claims the news for the recipient, sends, and commits, in
one transaction: whoever comes second finds the claim, and whoever fails takes it back. If the process or PostgreSQL
dies between the mail server's answer and the commit, or the mail server before its answer, the mail is sent once
more, under the same `Message-ID`. While the mail server is away the event waits in the outbox and the decision is
taken anew later.
"""

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from email.message import EmailMessage
from typing import Final

from hcommon.logging import current, get_logger
from hcommon.models.notification import NotificationKind

from hworker import metrics as names
from hworker.context import Context
from hworker.emails.message import Envelope, UnusableAddressError
from hworker.mailer import MailDeferredError, MailRefusedError, MailServerUnavailableError

UNSUBSCRIBE: Final = "unsubscribe"
"""Label of the signed token in a mail; the web service verifies it as `[user_id, kind]`."""

UNSUBSCRIBE_LIFETIME: Final = timedelta(days=90)

REQUEST_ID_HEADER: Final = "X-Request-ID"
"""Names the request that led to a mail, so that a mail in somebody's hands leads back to the log."""

_log = get_logger(__name__)


def deliver(
    context: Context, compose: Callable[[Envelope], EmailMessage], envelope: Envelope, *, kind: str, user_id: int | None
) -> None:
    """Compose a message and send it; one that can never be sent is logged and done with.

    Raises:
        MailServerUnavailableError: Nothing was sent.
    """
    started = time.perf_counter()
    try:
        message = compose(envelope)
        if request_id := current("request_id"):
            message[REQUEST_ID_HEADER] = request_id
        context.mailer.send(message)
    except MailServerUnavailableError:
        context.metrics.count(names.MAIL_DEFERRED, kind=kind)
        raise
    except (UnusableAddressError, MailRefusedError) as error:
        _log.warning("mail_refused", kind=kind, user_id=user_id, reason=error.reason)
        context.metrics.count(names.MAIL_REFUSED, kind=kind)
        return
    _log.info("mail_sent", kind=kind, message_id=message["Message-ID"])
    context.metrics.count(names.MAIL_SENT, kind=kind)
    context.metrics.timing(names.MAIL_DURATION, (time.perf_counter() - started) * 1000)


def deliver_each(recipients: Iterable[int], deliver_to: Callable[[int], None]) -> None:
    """Send to one after another, each in a transaction of its own; one whose mail has to wait stops nobody.

    Raises:
        MailServerUnavailableError: The server is away, or puts some of the mails off; those sent stay sent.
    """
    put_off: MailDeferredError | None = None
    for recipient_id in recipients:
        try:
            deliver_to(recipient_id)
        except MailDeferredError as error:
            put_off = error
    if put_off is not None:
        raise put_off


def envelope_to(
    context: Context,
    email: str,
    *,
    message_id: str,
    now: datetime,
    unsubscribe: tuple[int, NotificationKind] | None = None,
    reply_to: str | None = None,
    sender_name: str | None = None,
) -> Envelope:
    """Return the envelope of a mail from the site.

    Args:
        context: The process's collaborators.
        email: The recipient's address.
        message_id: The part before the `@`.
        now: When.
        unsubscribe: Who may end mails of which kind with one click; None for mails that were asked for.
        reply_to: Where answers go; None: to the sender.
        sender_name: Name to show instead of the sender's own.
    """
    settings = context.settings
    url = None
    if unsubscribe is not None:
        user_id, kind = unsubscribe
        token = settings.keys.sign(UNSUBSCRIBE, [user_id, kind.value], expires_at=now + UNSUBSCRIBE_LIFETIME)
        url = f"{settings.app_url}/notification/unsubscribe/{token}"
    return Envelope(
        to=email,
        sender=settings.mail_default_sender,
        message_id=f"{message_id}@{settings.authority}",
        now=now,
        sender_name=sender_name,
        reply_to=reply_to,
        unsubscribe_url=url,
    )
