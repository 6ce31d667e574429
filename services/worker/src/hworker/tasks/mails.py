"""Tasks that send one mail.

No mail is lost and none is sent twice on purpose. The task claims the news for the recipient, sends, and commits, in
one transaction: whoever comes second finds the claim, and whoever fails takes it back. If the process or PostgreSQL
dies between the mail server's answer and the commit, or the mail server before its answer, the mail is sent once
more, under the same `Message-ID`. While the mail server is away the event waits in the outbox and the decision is
taken anew later.
"""

from email.message import EmailMessage

from hcommon.crypto import KeyRing
from hcommon.events.accounts import UserRegistered
from hcommon.events.annotations import AnnotationCreated
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.logging import get_logger
from hcommon.models import User
from hcommon.presentation.annotation import LinkSettings
from sqlalchemy import select

from hworker import metrics as names
from hworker import receipts, replies
from hworker.context import Context
from hworker.emails.activation import activation_link, activation_message
from hworker.emails.message import UnusableAddressError
from hworker.emails.reply_notice import reply_notice_message
from hworker.mailer import MailRefusedError

_log = get_logger(__name__)


def send_reply_notice(context: Context, *, event: AnnotationCreated) -> None:
    """Tell the author of an annotation of a reply, unless they were told or need not be any more.

    Raises:
        MailServerUnavailableError: Nothing was sent.
    """
    settings = context.settings
    now = context.clock.now()
    links = LinkSettings(app_url=settings.app_url, authority=settings.authority, bouncer_url=settings.bouncer_url)
    with context.database.transaction() as session:
        notice = replies.find_notice(session, annotation_id=event.annotation_id, links=links)
        if notice is None or not replies.claim(session, notice=notice, now=now):
            return
        reply_id = annotation_id_to_urlsafe(event.annotation_id)
        try:
            message = reply_notice_message(
                notice,
                sender=settings.mail_default_sender,
                message_id=f"reply.{reply_id}.{notice.recipient_id}@{settings.authority}",
                now=now,
            )
            _send(context, message, kind="reply")
        except (UnusableAddressError, MailRefusedError) as error:
            _refused(context, error, kind="reply", user_id=notice.recipient_id)


def send_activation_mail(context: Context, *, event: UserRegistered) -> None:
    """Send a new user the link that activates the account, unless it was sent, or the account is active or gone.

    Raises:
        MailServerUnavailableError: Nothing was sent.
    """
    settings = context.settings
    now = context.clock.now()
    waiting = select(User.id, User.username, User.email).where(
        User.id == event.user_id, User.deleted.is_(False), User.activated_at.is_(None), User.email.is_not(None)
    )
    with context.database.transaction() as session:
        user = session.execute(waiting).first()
        if user is None or not receipts.claim(session, event_id=event.id, recipient_id=user.id, now=now):
            return
        previous = settings.secret_key_previous
        keys = KeyRing(settings.secret_key.get_secret_value(), previous.get_secret_value() if previous else None)
        link = activation_link(keys, app_url=settings.app_url, user_id=user.id, email=user.email, now=now)
        try:
            message = activation_message(
                to=user.email,
                username=user.username,
                link=link,
                app_url=settings.app_url,
                sender=settings.mail_default_sender,
                message_id=f"activation.{event.id}@{settings.authority}",
                now=now,
            )
            _send(context, message, kind="activation")
        except (UnusableAddressError, MailRefusedError) as error:
            _refused(context, error, kind="activation", user_id=user.id)


def _send(context: Context, message: EmailMessage, *, kind: str) -> None:
    context.mailer.send(message)
    _log.info("mail_sent", kind=kind, message_id=message["Message-ID"])
    context.metrics.count(names.MAIL_SENT, kind=kind)


def _refused(context: Context, error: UnusableAddressError | MailRefusedError, *, kind: str, user_id: int) -> None:
    _log.warning("mail_refused", kind=kind, user_id=user_id, reason=error.reason)
    context.metrics.count(names.MAIL_REFUSED, kind=kind)
