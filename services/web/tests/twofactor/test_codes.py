"""Codes of apps and recovery codes."""

import base64
import re
from datetime import UTC, datetime

import pytest
from hweb.twofactor import codes

SECRET = base64.b32encode(b"12345678901234567890").decode()


class TestMatchingStep:
    @pytest.mark.parametrize(
        ("seconds", "code"),
        [
            (59, "287082"),
            (1111111109, "081804"),
            (1111111111, "050471"),
            (1234567890, "005924"),
            (2000000000, "279037"),
        ],
    )
    def test_agrees_with_the_standard(self, seconds: int, code: str) -> None:
        """RFC 6238, appendix B, the last six of its eight digits."""
        assert codes.matching_step(SECRET, code, now=datetime.fromtimestamp(seconds, UTC)) == seconds // 30

    @pytest.mark.parametrize(("seconds", "step"), [(30, 1), (0, 1), (89, 1), (90, None), (119, None)])
    def test_allows_for_one_step_to_either_side(self, seconds: int, step: int | None) -> None:
        assert codes.matching_step(SECRET, "287082", now=datetime.fromtimestamp(seconds, UTC)) == step

    def test_takes_no_step_that_is_over(self) -> None:
        now = datetime.fromtimestamp(59, UTC)
        assert codes.matching_step(SECRET, "287082", now=now, after=0) == 1
        assert codes.matching_step(SECRET, "287082", now=now, after=1) is None

    @pytest.mark.parametrize("code", ["", "28708", "2870820", "abc", "\uff12\uff18\uff17\uff10\uff18\uff12", "\ud800"])
    def test_is_none_for_what_is_no_code(self, code: str) -> None:
        assert codes.matching_step(SECRET, code, now=datetime.fromtimestamp(59, UTC)) is None


class TestNormalized:
    @pytest.mark.parametrize("typed", ["abcd-efgh", "ABCD EFGH", " abcdefgh ", "abcd\u2013efgh"])
    def test_forgives_how_it_is_typed(self, typed: str) -> None:
        assert codes.normalized(typed) == "abcdefgh"

    def test_tells_codes_of_an_app_from_others(self) -> None:
        assert codes.is_of_app(codes.normalized(" 287 082"))
        assert not codes.is_of_app("\uff12\uff18\uff17\uff10\uff18\uff12")
        assert not any(codes.is_of_app(codes.normalized(code)) for code in codes.new_recovery_codes())


class TestNew:
    def test_secrets_and_codes_are_long_and_never_the_same(self) -> None:
        assert re.fullmatch(r"[A-Z2-7]{32}", codes.new_secret())
        made = codes.new_recovery_codes() + codes.new_recovery_codes()
        assert len(set(made)) == 2 * codes.RECOVERY_CODES
        assert all(re.fullmatch(r"[a-z2-7]{4}(-[a-z2-7]{4}){3}", code) for code in made)


class TestQRCode:
    def test_is_an_element_that_the_page_s_policy_allows(self) -> None:
        uri = codes.setup_uri(SECRET, username="a.b_c", authority="h.example.org")
        assert uri.startswith("otpauth://totp/h.example.org:a.b_c?")
        assert f"secret={SECRET}" in uri
        drawn = codes.qr_svg(uri)
        assert drawn.startswith("<svg ")
        assert not re.search(r"style|script|href|\bon\w+=", drawn)
