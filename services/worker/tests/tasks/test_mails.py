"""Tasks that send one mail."""

import re
from datetime import timedelta
from typing import Any

import pytest
from hcommon.crypto import InvalidSignatureError, KeyRing
from hcommon.events.accounts import (
    EmailChanged,
    EmailChangeRequested,
    PasswordResetRequested,
    SecondFactorChange,
    SecondFactorChanged,
    UserRegistered,
)
from hcommon.events.annotations import AnnotationCreated
from hcommon.events.site import MailTestRequested
from hcommon.models import Notification
from hcommon.testing.clock import START
from hcommon.testing.factories import make_user
from hworker.context import Context
from hworker.mailer import MailRefusedError, MailServerUnavailableError
from hworker.tasks.mails import (
    send_activation_mail,
    send_email_change_mail,
    send_email_changed_mail,
    send_password_reset_mail,
    send_second_factor_notice,
    send_test_mail,
)
from hworker.tasks.notices import send_reply_notice
from sqlalchemy import select
from sqlalchemy.orm import Session


def created(annotation: Any) -> AnnotationCreated:
    return AnnotationCreated(occurred_at=START, annotation_id=annotation.id, revision=1)


class TestSendReplyNotice:
    def test_sends_and_records_it(self, context: Context, mailer: Any, session: Session, thread: Any) -> None:
        _, reply, ann, _ = thread
        send_reply_notice(context, event=created(reply))
        assert [message["To"] for message in mailer.sent] == ["ann@example.org"]
        row = session.scalars(select(Notification)).one()
        assert (row.recipient_id, row.annotation_id, row.kind) == (ann.id, reply.id, "reply")
        assert row.created == context.clock.now()

    def test_a_redelivered_event_sends_no_second_mail(self, context: Context, mailer: Any, thread: Any) -> None:
        send_reply_notice(context, event=created(thread[1]))
        send_reply_notice(context, event=created(thread[1]))
        assert len(mailer.sent) == 1

    def test_decides_by_how_things_stand_when_it_runs(
        self, context: Context, mailer: Any, session: Session, thread: Any
    ) -> None:
        thread[1].deleted = True
        session.flush()
        send_reply_notice(context, event=created(thread[1]))
        assert mailer.sent == []

    def test_a_passing_fault_records_nothing_and_the_next_try_sends(
        self, context: Context, mailer: Any, session: Session, thread: Any
    ) -> None:
        mailer.error = MailServerUnavailableError("away")
        with pytest.raises(MailServerUnavailableError):
            send_reply_notice(context, event=created(thread[1]))
        assert session.scalars(select(Notification)).all() == []
        mailer.error = None
        send_reply_notice(context, event=created(thread[1]))
        assert len(mailer.sent) == 1

    def test_a_refused_mail_is_not_tried_again(self, context: Context, mailer: Any, thread: Any) -> None:
        mailer.error = MailRefusedError("550")
        send_reply_notice(context, event=created(thread[1]))
        mailer.error = None
        send_reply_notice(context, event=created(thread[1]))
        assert mailer.sent == []

    def test_an_address_that_is_none_is_no_error(
        self, context: Context, mailer: Any, session: Session, thread: Any
    ) -> None:
        thread[2].email = "not an address"
        session.flush()
        send_reply_notice(context, event=created(thread[1]))
        assert mailer.sent == []


class TestSendActivationMail:
    def test_carries_a_link_that_proves_the_address(self, context: Context, mailer: Any, session: Session) -> None:
        user = make_user(session, username="ann", activated_at=None)
        send_activation_mail(context, event=UserRegistered(occurred_at=START, user_id=user.id))
        text = mailer.sent[0].get_body(("plain",)).get_content()
        found = re.search(rf"https://h\.example\.org/activate/{user.id}/(\S+)", text)
        assert found is not None
        keys = KeyRing(context.settings.secret_key.get_secret_value())
        assert keys.verify("activate", found[1], now=START) == [user.id, "ann@example.org"]
        assert mailer.sent[0]["To"] == "ann@example.org"

    @pytest.mark.parametrize("change", [{"activated_at": START}, {"deleted": True}, {"email": None}])
    def test_nothing_to_activate_no_mail(
        self, context: Context, mailer: Any, session: Session, change: dict[str, Any]
    ) -> None:
        user = make_user(session, **({"activated_at": None} | change))
        send_activation_mail(context, event=UserRegistered(occurred_at=START, user_id=user.id))
        assert mailer.sent == []

    def test_a_redelivered_event_gives_the_same_message(self, context: Context, mailer: Any, session: Session) -> None:
        user = make_user(session, activated_at=None)
        event = UserRegistered(occurred_at=START, user_id=user.id)
        send_activation_mail(context, event=event)
        send_activation_mail(context, event=event)
        assert len({message["Message-ID"] for message in mailer.sent}) == 1

    def test_a_refused_mail_is_no_error(self, context: Context, mailer: Any, session: Session) -> None:
        user = make_user(session, activated_at=None)
        mailer.error = MailRefusedError("550")
        send_activation_mail(context, event=UserRegistered(occurred_at=START, user_id=user.id))

    def test_a_passing_fault_is_told(self, context: Context, mailer: Any, session: Session) -> None:
        user = make_user(session, activated_at=None)
        mailer.error = MailServerUnavailableError("away")
        with pytest.raises(MailServerUnavailableError):
            send_activation_mail(context, event=UserRegistered(occurred_at=START, user_id=user.id))


class TestSendPasswordResetMail:
    def test_carries_a_link_that_a_change_of_the_password_voids(
        self, context: Context, mailer: Any, session: Session
    ) -> None:
        user = make_user(session, username="ann", password_changed_at=START)
        event = PasswordResetRequested(occurred_at=START, user_id=user.id)
        for _ in range(2):
            send_password_reset_mail(context, event=event)
        [message] = mailer.sent
        found = re.search(r"https://h\.example\.org/account/reset/(\S+)", message.get_body(("plain",)).get_content())
        assert found is not None
        keys = KeyRing(context.settings.secret_key.get_secret_value())
        assert keys.verify("reset-password", found[1], now=START) == [user.id, "ann@example.org", START.timestamp()]

    @pytest.mark.parametrize("change", [{"deleted": True}, {"email": None}])
    def test_nobody_to_write_to(self, context: Context, mailer: Any, session: Session, change: dict[str, Any]) -> None:
        user = make_user(session, **change)
        send_password_reset_mail(context, event=PasswordResetRequested(occurred_at=START, user_id=user.id))
        assert mailer.sent == []


class TestSendTestMail:
    def test_arrives(self, context: Context, mailer: Any) -> None:
        send_test_mail(context, event=MailTestRequested(occurred_at=START, to="root@example.net"))
        assert [message["To"] for message in mailer.sent] == ["root@example.net"]


class TestSendEmailChangeMail:
    def request(self, user: Any, **changes: Any) -> EmailChangeRequested:
        facts = {"email": "new@example.net", "old_email": user.email, "password_changed_at": user.password_changed_at}
        return EmailChangeRequested(occurred_at=START, user_id=user.id, **(facts | changes))

    @pytest.mark.parametrize("old", ["ann@example.org", None])
    def test_goes_to_the_new_address_with_a_link_that_is_void_after_a_change(
        self, context: Context, mailer: Any, session: Session, old: str | None
    ) -> None:
        user = make_user(session, username="ann", email=old, password_changed_at=START)
        event = self.request(user)
        for _ in range(2):
            send_email_change_mail(context, event=event)
        [message] = mailer.sent
        assert message["To"] == "new@example.net"
        text = message.get_body(("plain",)).get_content()
        found = re.search(r"https://h\.example\.org/account/email/(\S+)", text)
        assert found is not None
        assert found[0] in message.get_body(("html",)).get_content()
        keys = KeyRing(context.settings.secret_key.get_secret_value())
        signed = keys.verify("change-email", found[1], now=START + timedelta(hours=23))
        assert signed == [user.id, "new@example.net", old, START.timestamp()]
        with pytest.raises(InvalidSignatureError, match="expired"):
            keys.verify("change-email", found[1], now=START + timedelta(hours=24))

    @pytest.mark.parametrize(
        "change",
        [{"deleted": True}, {"email": "other@example.org"}, {"email": None}, {"password_changed_at": START}],
    )
    def test_a_request_from_before_a_change_is_void(
        self, context: Context, mailer: Any, session: Session, change: dict[str, Any]
    ) -> None:
        user = make_user(session)
        event = self.request(user)
        for name, value in change.items():
            setattr(user, name, value)
        session.flush()
        send_email_change_mail(context, event=event)
        assert mailer.sent == []

    def test_to_an_address_in_use_says_so_and_names_neither_account(
        self, context: Context, mailer: Any, session: Session
    ) -> None:
        make_user(session, username="somebody_else", email="New@example.net")
        send_email_change_mail(context, event=self.request(make_user(session, username="ann")))
        [message] = mailer.sent
        assert message["To"] == "new@example.net"
        for kind in ("plain", "html"):
            text = message.get_body((kind,)).get_content()
            assert "belongs to another account" in text
            assert "/account/email/" not in text
            assert "somebody_else" not in text
            assert not re.search(r"\bann\b", text)

    def test_an_address_of_another_authority_s_account_is_free(
        self, context: Context, mailer: Any, session: Session
    ) -> None:
        make_user(session, authority="lms.test", email="new@example.net")
        send_email_change_mail(context, event=self.request(make_user(session)))
        assert "/account/email/" in mailer.sent[0].get_body(("plain",)).get_content()


class TestSendEmailChangedMail:
    def test_tells_the_old_address_and_does_not_name_the_new_one(
        self, context: Context, mailer: Any, session: Session
    ) -> None:
        user = make_user(session, username="ann", email="new@example.net")
        event = EmailChanged(occurred_at=START, user_id=user.id, old_email="old@example.org")
        for _ in range(2):
            send_email_changed_mail(context, event=event)
        [message] = mailer.sent
        assert message["To"] == "old@example.org"
        for kind in ("plain", "html"):
            text = message.get_body((kind,)).get_content()
            assert "ann" in text
            assert "new@example.net" not in text

    def test_of_a_deleted_account_is_not_sent(self, context: Context, mailer: Any, session: Session) -> None:
        user = make_user(session, deleted=True)
        send_email_changed_mail(context, event=EmailChanged(occurred_at=START, user_id=user.id, old_email="o@x.test"))
        assert mailer.sent == []


class TestSendSecondFactorNotice:
    @pytest.mark.parametrize(
        ("change", "said"),
        [
            (SecondFactorChange.TURNED_ON, "was turned on"),
            (SecondFactorChange.TURNED_OFF, "was turned off"),
            (SecondFactorChange.RECOVERY_CODE_USED, "one of your recovery codes"),
        ],
    )
    def test_tells_the_owner_once(
        self, context: Context, mailer: Any, session: Session, change: SecondFactorChange, said: str
    ) -> None:
        user = make_user(session, username="ann")
        event = SecondFactorChanged(occurred_at=START, user_id=user.id, change=change)
        for _ in range(2):
            send_second_factor_notice(context, event=event)
        [message] = mailer.sent
        assert message["To"] == "ann@example.org"
        for kind in ("plain", "html"):
            assert said in message.get_body((kind,)).get_content()

    @pytest.mark.parametrize("change", [{"deleted": True}, {"email": None}])
    def test_nobody_to_write_to(self, context: Context, mailer: Any, session: Session, change: dict[str, Any]) -> None:
        user = make_user(session, **change)
        event = SecondFactorChanged(occurred_at=START, user_id=user.id, change=SecondFactorChange.TURNED_ON)
        send_second_factor_notice(context, event=event)
        assert mailer.sent == []
