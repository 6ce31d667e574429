"""Tasks that tell people of annotations; `delivery` says how none is lost and none is sent twice."""

from functools import partial

from hcommon.events.annotations import AnnotationEvent
from hcommon.events.moderation import AnnotationFlagged, AnnotationModerated
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.models.notification import NotificationKind

from hworker.context import Context
from hworker.emails.flag_notice import flag_notice_message
from hworker.emails.mention_notice import mention_notice_message
from hworker.emails.reply_notice import reply_notice_message
from hworker.emails.verdict_notice import verdict_notice_message
from hworker.notices import flags, mentions, replies, verdicts
from hworker.notices.recipients import claim_event
from hworker.tasks.delivery import deliver, deliver_each, envelope_to


def send_reply_notice(context: Context, *, event: AnnotationEvent) -> None:
    """Tell the author of an annotation of a reply, unless they were told or need not be any more.

    Raises:
        MailServerUnavailableError: Nothing was sent.
    """
    now = context.clock.now()
    with context.database.transaction() as session:
        notice = replies.find_notice(session, annotation_id=event.annotation_id, links=context.settings.links)
        if notice is None or not replies.claim(session, notice=notice, limited=context.settings.rate_limits, now=now):
            return
        envelope = envelope_to(
            context,
            notice.email,
            message_id=f"reply.{annotation_id_to_urlsafe(event.annotation_id)}.{notice.recipient_id}",
            now=now,
            unsubscribe=(notice.recipient_id, NotificationKind.REPLY),
        )
        deliver(context, partial(reply_notice_message, notice), envelope, kind="reply", user_id=notice.recipient_id)


def send_mention_notices(context: Context, *, event: AnnotationEvent) -> None:
    """Tell everybody whom an annotation mentions, but those who were told or need not be any more.

    Raises:
        MailServerUnavailableError: Some could not be told.
    """
    with context.database.read() as connection:
        recipients = mentions.recipients_of(connection, annotation_id=event.annotation_id)
    deliver_each(recipients, partial(_send_mention_notice, context, event))


def _send_mention_notice(context: Context, event: AnnotationEvent, recipient_id: int) -> None:
    now = context.clock.now()
    with context.database.transaction() as session:
        notice = mentions.find_notice(
            session, annotation_id=event.annotation_id, recipient_id=recipient_id, links=context.settings.links
        )
        if notice is None or not mentions.claim(session, notice=notice, now=now):
            return
        envelope = envelope_to(
            context,
            notice.email,
            message_id=f"mention.{annotation_id_to_urlsafe(event.annotation_id)}.{recipient_id}",
            now=now,
            unsubscribe=(recipient_id, NotificationKind.MENTION),
        )
        deliver(context, partial(mention_notice_message, notice), envelope, kind="mention", user_id=recipient_id)


def send_flag_notices(context: Context, *, event: AnnotationFlagged) -> None:
    """Tell the moderators of an annotation's group that it was reported, unless its reporter overdoes it.

    Raises:
        MailServerUnavailableError: Some could not be told.
    """
    with context.database.read() as connection:
        if context.settings.rate_limits and flags.reports_too_much(
            connection, flagger_id=event.user_id, now=context.clock.now()
        ):
            return
        recipients = flags.recipients_of(connection, annotation_id=event.annotation_id, flagger_id=event.user_id)
    deliver_each(recipients, partial(_send_flag_notice, context, event))


def _send_flag_notice(context: Context, event: AnnotationFlagged, recipient_id: int) -> None:
    now = context.clock.now()
    with context.database.transaction() as session:
        notice = flags.find_notice(
            session, annotation_id=event.annotation_id, recipient_id=recipient_id, links=context.settings.links
        )
        if notice is None or not claim_event(session, event_id=event.id, recipient_id=recipient_id, now=now):
            return
        envelope = envelope_to(context, notice.email, message_id=f"flag.{event.id}.{recipient_id}", now=now)
        deliver(context, partial(flag_notice_message, notice), envelope, kind="flag", user_id=recipient_id)


def send_verdict_notice(context: Context, *, event: AnnotationModerated) -> None:
    """Tell an author of a moderator's verdict, unless they were told or need not be any more.

    Raises:
        MailServerUnavailableError: Nothing was sent.
    """
    now = context.clock.now()
    with context.database.transaction() as session:
        notice = verdicts.find_notice(
            session,
            annotation_id=event.annotation_id,
            moderator_id=event.moderator_id,
            old_status=event.old_status,
            new_status=event.new_status,
            links=context.settings.links,
        )
        if notice is None or not claim_event(session, event_id=event.id, recipient_id=notice.recipient_id, now=now):
            return
        envelope = envelope_to(
            context,
            notice.email,
            message_id=f"moderation.{event.id}",
            now=now,
            unsubscribe=(notice.recipient_id, NotificationKind.MODERATION),
            reply_to=notice.reply_to,
            sender_name=notice.sender_name,
        )
        deliver(
            context, partial(verdict_notice_message, notice), envelope, kind="moderation", user_id=notice.recipient_id
        )
