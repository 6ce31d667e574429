"""Headers and parts that all messages have in common."""

from email.message import EmailMessage
from typing import Any

import pytest
from hcommon.testing.clock import START
from hworker.emails.message import Envelope, UnusableAddressError, compose, one_line
from jinja2 import UndefinedError

VALUES = {"username": "ann", "link": "https://h/x", "app_url": "https://h", "days": 7}
ENVELOPE: dict[str, Any] = {
    "to": "ann@example.org",
    "sender": "Annotations <noreply@example.org>",
    "message_id": "1@example.org",
    "now": START,
    "sender_name": None,
    "reply_to": None,
    "unsubscribe_url": None,
}


def message(**changes: Any) -> EmailMessage:
    around = ENVELOPE | {name: changes.pop(name) for name in tuple(changes) if name in ENVELOPE}
    values: dict[str, Any] = {"subject": "News", "template": "activation", "values": VALUES}
    return compose(Envelope(**around), **(values | changes))


class TestCompose:
    def test_has_the_headers_of_automatic_mail(self) -> None:
        composed = message()
        assert composed["From"] == "Annotations <noreply@example.org>"
        assert composed["To"] == "ann@example.org"
        assert composed["Date"] == "Fri, 02 Jan 2026 03:04:05 +0000"
        assert composed["Message-ID"] == "<1@example.org>"
        assert composed["Auto-Submitted"] == "auto-generated"
        assert [name for name in composed if name.upper().startswith("X-MC")] == []

    def test_a_mail_that_was_asked_for_cannot_be_unsubscribed_from(self) -> None:
        composed = message()
        for name in ("List-Unsubscribe", "List-Unsubscribe-Post", "Reply-To"):
            assert composed[name] is None

    def test_others_end_with_one_click(self) -> None:
        composed = message(unsubscribe_url="https://h/notification/unsubscribe/" + "x" * 200)
        assert composed["List-Unsubscribe"] == f"<https://h/notification/unsubscribe/{'x' * 200}>"
        assert composed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        assert b"<https://h/notification/unsubscribe/" + b"x" * 200 + b">" in composed.as_bytes()

    def test_a_group_may_have_a_name_and_an_address_of_its_own(self) -> None:
        composed = message(sender_name="Class\r\n7", reply_to="teacher@example.org")
        assert (composed["From"], composed["Reply-To"]) == ("Class 7 <noreply@example.org>", "teacher@example.org")

    def test_an_answer_address_that_is_none_is_left_out(self) -> None:
        assert message(reply_to="the teacher")["Reply-To"] is None

    def test_has_text_and_html(self) -> None:
        composed = message()
        parts = [part.get_content_type() for part in composed.walk()]
        assert parts == ["multipart/alternative", "text/plain", "text/html"]

    def test_users_text_cannot_add_a_header(self) -> None:
        composed = message(subject="a\r\nBcc: eve@example.org\x00\u2028b")
        assert composed["Subject"] == "a Bcc: eve@example.org b"
        assert composed["Bcc"] is None
        assert b"\nBcc" not in composed.as_bytes()

    @pytest.mark.parametrize(
        "address",
        [
            "",
            "ann",
            "ann@",
            "@example.org",
            "a b@example.org",
            "a\r\nBcc: x@y",
            "a@b,c@d",
            "a@" + "x" * 70,
            "ünn@example.org",
        ],
    )
    def test_what_is_no_address_is_refused(self, address: str) -> None:
        with pytest.raises(UnusableAddressError):
            message(to=address)

    def test_a_domain_in_another_script_goes_out_in_ascii(self) -> None:
        assert message(to="ann@bücher.example")["To"] == "ann@xn--bcher-kva.example"

    def test_survives_the_wire_in_every_script(self) -> None:
        composed = message(subject="Ünï 😀 " + "långt " * 20, values={**VALUES, "username": "Ån 😀"})
        assert composed.as_bytes().isascii()

    def test_a_template_does_not_leave_gaps(self) -> None:
        with pytest.raises(UndefinedError):
            message(values={})


class TestOneLine:
    def test_is_not_endless(self) -> None:
        assert one_line("x" * 1000) == "x" * 199 + "…"

    def test_keeps_ordinary_text(self) -> None:
        assert one_line("  Ann's  reply ") == "Ann's reply"

    def test_replaces_what_cannot_be_encoded(self) -> None:
        assert one_line("a\ud800") == "a?"
