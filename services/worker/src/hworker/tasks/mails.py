"""Tasks that send the mails of accounts and of the site; `delivery` says how none is lost and none is sent twice."""

from functools import partial

from hcommon.events.accounts import PasswordResetRequested, UserRegistered
from hcommon.events.site import MailTestRequested
from hcommon.models import User
from sqlalchemy import select

from hworker.context import Context
from hworker.emails.activation import activation_link, activation_message
from hworker.emails.mail_test import mail_test_message
from hworker.emails.password_reset import reset_link, reset_message
from hworker.notices.recipients import can_be_mailed, claim_event
from hworker.tasks.delivery import deliver, envelope_to


def send_activation_mail(context: Context, *, event: UserRegistered) -> None:
    """Send a new user the link that activates the account, unless it is active or gone.

    Raises:
        MailServerUnavailableError: Nothing was sent.
    """
    settings, now = context.settings, context.clock.now()
    statement = select(User.id, User.username, User.email).where(
        User.id == event.user_id, User.activated_at.is_(None), can_be_mailed()
    )
    with context.database.transaction() as session:
        user = session.execute(statement).first()
        if user is None or not claim_event(session, event_id=event.id, recipient_id=user.id, now=now):
            return
        link = activation_link(settings.keys, app_url=settings.app_url, user_id=user.id, email=user.email, now=now)
        envelope = envelope_to(context, user.email, message_id=f"activation.{event.id}", now=now)
        compose = partial(activation_message, username=user.username, link=link, app_url=settings.app_url)
        deliver(context, compose, envelope, kind="activation", user_id=user.id)


def send_password_reset_mail(context: Context, *, event: PasswordResetRequested) -> None:
    """Send a user the link to choose a new password.

    Raises:
        MailServerUnavailableError: Nothing was sent.
    """
    settings, now = context.settings, context.clock.now()
    statement = select(User.id, User.username, User.email, User.password_changed_at).where(
        User.id == event.user_id, can_be_mailed()
    )
    with context.database.transaction() as session:
        user = session.execute(statement).first()
        if user is None or not claim_event(session, event_id=event.id, recipient_id=user.id, now=now):
            return
        link = reset_link(
            settings.keys,
            app_url=settings.app_url,
            user_id=user.id,
            email=user.email,
            password_changed_at=user.password_changed_at,
            now=now,
        )
        envelope = envelope_to(context, user.email, message_id=f"reset.{event.id}", now=now)
        compose = partial(reset_message, username=user.username, link=link, app_url=settings.app_url)
        deliver(context, compose, envelope, kind="password_reset", user_id=user.id)


def send_test_mail(context: Context, *, event: MailTestRequested) -> None:
    """Send the mail that shows that mail arrives.

    Raises:
        MailServerUnavailableError: Nothing was sent.
    """
    envelope = envelope_to(context, event.to, message_id=f"test.{event.id}", now=context.clock.now())
    compose = partial(mail_test_message, app_url=context.settings.app_url)
    deliver(context, compose, envelope, kind="test", user_id=None)
