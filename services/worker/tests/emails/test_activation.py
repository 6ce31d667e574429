"""The activation mail."""

from datetime import timedelta

import pytest
from hcommon.crypto import InvalidSignatureError, KeyRing
from hcommon.testing.clock import START
from hworker.emails.activation import activation_link, activation_message
from hworker.emails.message import Envelope

KEYS = KeyRing("0123456789abcdef0123456789abcdef")


def code() -> str:
    link = activation_link(KEYS, app_url="https://h.example.org", user_id=7, email="ann@example.org", now=START)
    prefix = "https://h.example.org/activate/7/"
    assert link.startswith(prefix)
    return link.removeprefix(prefix)


class TestActivationLink:
    def test_works_for_a_week(self) -> None:
        assert KEYS.verify("activate", code(), now=START + timedelta(days=6)) == [7, "ann@example.org"]
        with pytest.raises(InvalidSignatureError, match="expired"):
            KEYS.verify("activate", code(), now=START + timedelta(days=8))


class TestActivationMessage:
    def test_has_the_link_in_both_parts(self) -> None:
        message = activation_message(
            Envelope(to="ann@example.org", sender="h@example.org", message_id="1@example.org", now=START),
            username="ann",
            link="https://h.example.org/activate/7/abc",
            app_url="https://h.example.org",
        )
        for kind in ("plain", "html"):
            part = message.get_body((kind,))
            assert part is not None
            assert "https://h.example.org/activate/7/abc" in part.get_content()
            assert "7 days" in part.get_content()
