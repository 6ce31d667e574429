"""Tasks that send the mails of accounts and of the site; `delivery` says how none is lost and none is sent twice."""

from functools import partial

from hcommon.events.accounts import (
    EmailChanged,
    EmailChangeRequested,
    PasswordResetRequested,
    SecondFactorChanged,
    UserRegistered,
)
from hcommon.events.site import MailTestRequested
from hcommon.models import User
from sqlalchemy import func, select

from hworker.context import Context
from hworker.emails.activation import activation_link, activation_message
from hworker.emails.email_change import change_link, change_message, changed_message, in_use_message
from hworker.emails.mail_test import mail_test_message
from hworker.emails.password_reset import reset_link, reset_message
from hworker.emails.second_factor_notice import second_factor_notice_message
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


def send_email_change_mail(context: Context, *, event: EmailChangeRequested) -> None:
    """Send to the new address of an account the link that proves it, or that another account has it.

    Nothing is sent when the account has got another address or password since: the request may not have been its
    owner's.

    Raises:
        MailServerUnavailableError: Nothing was sent.
    """
    settings, now = context.settings, context.clock.now()
    unchanged = (
        User.email.is_not_distinct_from(event.old_email),
        User.password_changed_at.is_not_distinct_from(event.password_changed_at),
    )
    statement = select(User.id, User.username, User.authority).where(
        User.id == event.user_id, User.deleted.is_(False), *unchanged
    )
    with context.database.transaction() as session:
        user = session.execute(statement).first()
        if user is None or not claim_event(session, event_id=event.id, recipient_id=user.id, now=now):
            return
        others = select(User.id).where(
            func.lower(User.email) == func.lower(event.email), User.authority == user.authority, User.id != user.id
        )
        envelope = envelope_to(context, event.email, message_id=f"email-change.{event.id}", now=now)
        if session.execute(others).first():
            compose = partial(in_use_message, app_url=settings.app_url)
        else:
            link = change_link(
                settings.keys,
                app_url=settings.app_url,
                user_id=user.id,
                email=event.email,
                old_email=event.old_email,
                password_changed_at=event.password_changed_at,
                now=now,
            )
            compose = partial(change_message, username=user.username, link=link, app_url=settings.app_url)
        deliver(context, compose, envelope, kind="email_change", user_id=user.id)


def send_email_changed_mail(context: Context, *, event: EmailChanged) -> None:
    """Tell the address that an account had until now.

    Raises:
        MailServerUnavailableError: Nothing was sent.
    """
    now = context.clock.now()
    statement = select(User.id, User.username).where(User.id == event.user_id, User.deleted.is_(False))
    with context.database.transaction() as session:
        user = session.execute(statement).first()
        if user is None or not claim_event(session, event_id=event.id, recipient_id=user.id, now=now):
            return
        envelope = envelope_to(context, event.old_email, message_id=f"email-changed.{event.id}", now=now)
        compose = partial(changed_message, username=user.username, app_url=context.settings.app_url)
        deliver(context, compose, envelope, kind="email_changed", user_id=user.id)


def send_second_factor_notice(context: Context, *, event: SecondFactorChanged) -> None:
    """Tell an account's owner what happened to its second factor.

    Raises:
        MailServerUnavailableError: Nothing was sent.
    """
    now = context.clock.now()
    statement = select(User.id, User.username, User.email).where(User.id == event.user_id, can_be_mailed())
    with context.database.transaction() as session:
        user = session.execute(statement).first()
        if user is None or not claim_event(session, event_id=event.id, recipient_id=user.id, now=now):
            return
        envelope = envelope_to(context, user.email, message_id=f"second-factor.{event.id}", now=now)
        compose = partial(
            second_factor_notice_message,
            change=event.change,
            username=user.username,
            app_url=context.settings.app_url,
        )
        deliver(context, compose, envelope, kind="second_factor", user_id=user.id)


def send_test_mail(context: Context, *, event: MailTestRequested) -> None:
    """Send the mail that shows that mail arrives.

    Raises:
        MailServerUnavailableError: Nothing was sent.
    """
    envelope = envelope_to(context, event.to, message_id=f"test.{event.id}", now=context.clock.now())
    compose = partial(mail_test_message, app_url=context.settings.app_url)
    deliver(context, compose, envelope, kind="test", user_id=None)
