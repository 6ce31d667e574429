"""The mail about a reply."""

from dataclasses import replace
from uuid import uuid4

from hcommon.testing.clock import START
from hworker.emails.message import Envelope
from hworker.emails.reply_notice import reply_notice_message
from hworker.notices.replies import ReplyNotice

NOTICE = ReplyNotice(
    recipient_id=1,
    replier_id=2,
    annotation_id=uuid4(),
    email="ann@example.org",
    replier="Bob",
    title="A page",
    parent_text="What Ann thinks\nin two lines",
    parent_created=START,
    reply_text="What Bob answers",
    reply_created=START,
    html_link="https://h.example.org/a/xyz",
    incontext_link="https://hyp.is/xyz/example.com",
)


def parts(notice: ReplyNotice) -> tuple[str, str, str]:
    envelope = Envelope(to=notice.email, sender="h@example.org", message_id="1@example.org", now=START)
    message = reply_notice_message(notice, envelope)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return str(message["Subject"]), text.get_content(), html.get_content()


class TestReplyNoticeMessage:
    def test_says_who_answered_what_where(self) -> None:
        subject, *bodies = parts(NOTICE)
        assert subject == "Bob has replied to your annotation"
        for body in bodies:
            for expected in ("Bob", "A page", "What Ann thinks", "in two lines", "What Bob answers"):
                assert expected in body
            assert "https://h.example.org/a/xyz" in body
            assert "https://hyp.is/xyz/example.com" in body

    def test_quotes_every_line_in_the_text_part(self) -> None:
        _, text, _ = parts(NOTICE)
        assert "> What Ann thinks\n> in two lines\n" in text

    def test_users_text_is_no_markup(self) -> None:
        evil = "<script>alert(1)</script> & \"'"
        _, text, html = parts(replace(NOTICE, replier=evil, title=evil, parent_text=evil, reply_text=evil))
        assert "<script>" not in html
        assert "&lt;script&gt;" in html
        assert "<script>alert(1)</script> & \"'" in text

    def test_names_no_title_or_link_that_is_not_there(self) -> None:
        bare = replace(NOTICE, title=None, html_link=None, incontext_link=None, parent_text="", reply_text="")
        _, text, html = parts(bare)
        for body in (text, html):
            assert "None" not in body
            assert "http" not in body
            assert "(no text)" in body
