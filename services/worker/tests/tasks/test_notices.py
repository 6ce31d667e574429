"""Tasks that tell people of annotations."""

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from aiosmtpd.controller import Controller
from hcommon.crypto import KeyRing
from hcommon.events.annotations import AnnotationUpdated
from hcommon.events.moderation import AnnotationFlagged, AnnotationModerated
from hcommon.models import Annotation, Flag, Group, MailReceipt, Mention, Notification, Subscription, User
from hcommon.models.group import Role
from hcommon.testing.clock import START
from hcommon.testing.factories import add_member, make_annotation, make_group, make_user
from hworker.context import Context
from hworker.mailer import MailDeferredError, MailRefusedError, MailServerUnavailableError, SMTPMailer
from hworker.notices import flags
from hworker.tasks.notices import send_flag_notices, send_mention_notices, send_verdict_notice
from sqlalchemy import func, select
from sqlalchemy.orm import Session


def updated(annotation: Annotation) -> AnnotationUpdated:
    return AnnotationUpdated(occurred_at=START, annotation_id=annotation.id, revision=2)


@pytest.fixture
def group(session: Session) -> Group:
    """A group whose annotations wait for approval; mod and own moderate it."""
    group = make_group(session, kind="open", pre_moderated=True, name="Class 7")
    for name, role in (("mod", Role.MODERATOR), ("own", Role.OWNER), ("kim", Role.MEMBER)):
        add_member(session, group=group, user=make_user(session, username=name), role=role)
    return group


@pytest.fixture
def people(session: Session) -> list[User]:
    return [make_user(session, username=f"person{number}") for number in range(3)]


@pytest.fixture
def annotation(session: Session, people: list[User]) -> Annotation:
    annotation = make_annotation(session, user=make_user(session, username="ann"), text="Look here")
    for person in people:
        session.add(Mention(annotation_id=annotation.id, user_id=person.id, username=person.username, created=START))
        session.flush()
    return annotation


class TestSendMentionNotices:
    def test_tells_each_once_however_often_it_runs(
        self, context: Context, mailer: Any, annotation: Annotation, session: Session
    ) -> None:
        for _ in range(2):
            send_mention_notices(context, event=updated(annotation))
        assert [message["To"] for message in mailer.sent] == [f"person{number}@example.org" for number in range(3)]
        assert len({message["Message-ID"] for message in mailer.sent}) == 3
        assert session.scalar(select(func.count()).where(Notification.kind == "mention")) == 3

    def test_a_server_that_is_away_is_asked_once(self, context: Context, mailer: Any, annotation: Annotation) -> None:
        asked = []

        def send(message: Any) -> None:
            asked.append(message)
            raise MailServerUnavailableError("away")

        mailer.send = send
        with pytest.raises(MailServerUnavailableError):
            send_mention_notices(context, event=updated(annotation))
        assert len(asked) == 1

    def test_one_that_is_put_off_stops_nobody_and_is_tried_again(
        self, context: Context, mailer: Any, annotation: Annotation
    ) -> None:
        send, busy = mailer.send, {"person0@example.org"}

        def refuse(message: Any) -> None:
            if message["To"] in busy:
                raise MailDeferredError("450")
            send(message)

        mailer.send = refuse
        with pytest.raises(MailDeferredError):
            send_mention_notices(context, event=updated(annotation))
        assert len(mailer.sent) == 2
        busy.clear()
        send_mention_notices(context, event=updated(annotation))
        assert [message["To"] for message in mailer.sent][2:] == ["person0@example.org"]

    def test_one_that_is_refused_stops_nobody(self, context: Context, mailer: Any, annotation: Annotation) -> None:
        mailer.error = MailRefusedError("550")
        send_mention_notices(context, event=updated(annotation))
        mailer.error = None
        send_mention_notices(context, event=updated(annotation))
        assert mailer.sent == []

    def test_arrives_with_a_link_that_ends_such_mails(
        self, context: Context, annotation: Annotation, smtp: Controller, sink: Any, people: list[User]
    ) -> None:
        mailer = SMTPMailer(host="127.0.0.1", port=smtp.port, tls="none", local_hostname="h")
        send_mention_notices(replace(context, mailer=mailer), event=updated(annotation))
        message = sink.messages[0]
        assert message["Subject"] == "ann has mentioned you in an annotation"
        assert message["Auto-Submitted"] == "auto-generated"
        assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        url = message["List-Unsubscribe"].strip("<>")
        token = url.removeprefix("https://h.example.org/notification/unsubscribe/")
        keys = KeyRing(context.settings.secret_key.get_secret_value())
        assert keys.verify("unsubscribe", token, now=START) == [people[0].id, "mention"]
        for kind in ("plain", "html"):
            text = message.get_body((kind,)).get_content()
            assert "Look here" in text
            assert url in text


class TestSendFlagNotices:
    def event(self, annotation: Annotation, flagger: User) -> AnnotationFlagged:
        return AnnotationFlagged(occurred_at=START, annotation_id=annotation.id, user_id=flagger.id)

    def test_tells_moderators_where_and_not_what(
        self, context: Context, mailer: Any, session: Session, group: Group
    ) -> None:
        annotation = make_annotation(session, user=make_user(session), group=group, text="offensive")
        event = self.event(annotation, make_user(session))
        for _ in range(2):
            send_flag_notices(context, event=event)
        assert {message["To"] for message in mailer.sent} == {"mod@example.org", "own@example.org"}
        assert len(mailer.sent) == 2
        for message in mailer.sent:
            text = message.get_body(("plain",)).get_content()
            assert "https://hyp.is/" in text
            assert "offensive" not in message.as_string()
            assert message["List-Unsubscribe"] is None

    def test_another_readers_report_is_news(
        self, context: Context, mailer: Any, session: Session, group: Group
    ) -> None:
        annotation = make_annotation(session, user=make_user(session), group=group)
        for _ in range(2):
            send_flag_notices(context, event=self.event(annotation, make_user(session)))
        assert len(mailer.sent) == 4

    def test_a_moderator_who_reports_is_not_told(
        self, context: Context, mailer: Any, session: Session, group: Group
    ) -> None:
        annotation = make_annotation(session, user=make_user(session), group=group)
        moderator = session.scalars(select(User).where(User.username == "mod")).one()
        send_flag_notices(context, event=self.event(annotation, moderator))
        assert [message["To"] for message in mailer.sent] == ["own@example.org"]

    @pytest.mark.parametrize("change", [{"deleted": True}, {"shared": False}, {"moderation_status": "SPAM"}])
    def test_what_is_gone_or_declined_is_no_news(
        self, context: Context, mailer: Any, session: Session, group: Group, change: dict[str, Any]
    ) -> None:
        annotation = make_annotation(session, user=make_user(session), group=group, **change)
        send_flag_notices(context, event=self.event(annotation, make_user(session)))
        assert mailer.sent == []

    @pytest.mark.parametrize(("hours", "told"), [(1, False), (25, True)])
    def test_whoever_reports_without_end_is_not_mailed_on(
        self, *, context: Context, mailer: Any, session: Session, group: Group, hours: int, told: bool
    ) -> None:
        author, flagger, before = make_user(session), make_user(session), START - timedelta(hours=hours)
        for _ in range(flags.MOST_A_DAY + 1):
            reported = make_annotation(session, user=author, group=group)
            session.add(Flag(annotation_id=reported.id, user_id=flagger.id, created=before))
        session.flush()
        send_flag_notices(context, event=self.event(reported, flagger))
        assert bool(mailer.sent) is told


class TestSendVerdictNotice:
    def event(self, annotation: Annotation, old: str, new: str, **changes: Any) -> AnnotationModerated:
        values: dict[str, Any] = {"moderator_id": 0, "tell_author": True} | changes
        return AnnotationModerated(
            occurred_at=START, annotation_id=annotation.id, revision=2, old_status=old, new_status=new, **values
        )

    def annotation(self, session: Session, group: Group, status: str, **columns: Any) -> Annotation:
        author = make_user(session, username="author")
        return make_annotation(session, user=author, group=group, moderation_status=status, text="Mine", **columns)

    @pytest.mark.parametrize(
        ("old", "new", "words"),
        [
            ("PENDING", "APPROVED", "has been approved"),
            ("PENDING", "DENIED", "has been declined"),
            ("APPROVED", "PENDING", "waits for approval again"),
            ("APPROVED", "DENIED", "has been declined"),
            ("DENIED", "APPROVED", "has been approved"),
            ("SPAM", "APPROVED", "has been approved"),
        ],
    )
    def test_tells_the_author_in_the_groups_name(
        self, *, context: Context, mailer: Any, session: Session, group: Group, old: str, new: str, words: str
    ) -> None:
        group.reply_to, group.email_from_name = "teacher@example.net", "Class seven"
        event = self.event(self.annotation(session, group, new), old, new)
        for _ in range(2):
            send_verdict_notice(context, event=event)
        [message] = mailer.sent
        assert message["Subject"] == f"Your annotation in Class 7 {words}"
        assert message["From"] == "Class seven <noreply@example.org>"
        assert (message["To"], message["Reply-To"]) == ("author@example.org", "teacher@example.net")
        assert "/notification/unsubscribe/" in message["List-Unsubscribe"]
        assert "> Mine" in message.get_body(("plain",)).get_content()

    def test_each_verdict_is_news(self, context: Context, mailer: Any, session: Session, group: Group) -> None:
        annotation = self.annotation(session, group, "APPROVED")
        for _ in range(2):
            send_verdict_notice(context, event=self.event(annotation, "PENDING", "APPROVED"))
        assert len(mailer.sent) == 2
        assert session.scalar(select(func.count()).select_from(MailReceipt)) == 2

    @pytest.mark.parametrize(
        ("old", "new"), [("PENDING", "SPAM"), ("APPROVED", "SPAM"), ("DENIED", "PENDING"), ("SPAM", "DENIED")]
    )
    def test_of_other_changes_nobody_is_told(
        self, *, context: Context, mailer: Any, session: Session, group: Group, old: str, new: str
    ) -> None:
        send_verdict_notice(context, event=self.event(self.annotation(session, group, new), old, new))
        assert mailer.sent == []

    def test_a_verdict_that_was_overtaken_is_no_news(
        self, context: Context, mailer: Any, session: Session, group: Group
    ) -> None:
        annotation = self.annotation(session, group, "DENIED")
        send_verdict_notice(context, event=self.event(annotation, "PENDING", "APPROVED"))
        assert mailer.sent == []

    def test_only_where_annotations_wait_for_approval(
        self, context: Context, mailer: Any, session: Session, group: Group
    ) -> None:
        group.pre_moderated = False
        send_verdict_notice(context, event=self.event(self.annotation(session, group, "DENIED"), "APPROVED", "DENIED"))
        assert mailer.sent == []

    def test_not_whoever_judged_themselves(self, context: Context, mailer: Any, session: Session, group: Group) -> None:
        annotation = self.annotation(session, group, "APPROVED")
        event = self.event(annotation, "PENDING", "APPROVED", moderator_id=annotation.user_id)
        send_verdict_notice(context, event=event)
        assert mailer.sent == []

    def test_follows_the_authors_choice(self, context: Context, mailer: Any, session: Session, group: Group) -> None:
        annotation = self.annotation(session, group, "APPROVED")
        session.add(Subscription(user_id=annotation.user_id, kind="moderation", active=False))
        session.flush()
        send_verdict_notice(context, event=self.event(annotation, "PENDING", "APPROVED"))
        assert mailer.sent == []

    def test_of_what_is_gone_nobody_is_told(
        self, context: Context, mailer: Any, session: Session, group: Group
    ) -> None:
        annotation = self.annotation(session, group, "APPROVED", deleted=True)
        send_verdict_notice(context, event=self.event(annotation, "PENDING", "APPROVED"))
        gone = AnnotationModerated(
            occurred_at=START,
            annotation_id=uuid4(),
            revision=1,
            moderator_id=1,
            old_status="PENDING",
            new_status="APPROVED",
            tell_author=True,
        )
        send_verdict_notice(context, event=gone)
        assert mailer.sent == []
