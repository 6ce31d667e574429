"""Derived keys, signed values and encryption at rest."""

from datetime import timedelta

import pytest
from hcommon.crypto import InvalidSignatureError, KeyRing, UndecryptableError
from hcommon.testing.clock import START
from hypothesis import given
from hypothesis import strategies as st

OLD = "old " * 10
NEW = "new " * 10


class TestDerive:
    def test_differs_by_purpose_and_by_secret(self) -> None:
        keys = {KeyRing(NEW).derive("a"), KeyRing(NEW).derive("b"), KeyRing(OLD).derive("a")}
        assert len(keys) == 3
        assert {len(key) for key in keys} == {32}

    def test_is_the_same_in_every_process_and_release(self) -> None:
        # HKDF-SHA512, no salt, info "h.activate": computed apart, so that a change of the derivation is noticed.
        assert KeyRing("0123456789abcdef0123456789abcdef").derive("activate").hex() == EXPECTED_KEY


EXPECTED_KEY = "edc6f81a9d9bed4ad1bdec8ebd9d3bf94f81fe3741355cc5796cf808e5826500"


class TestSign:
    def test_verify_returns_the_value(self) -> None:
        keys = KeyRing(NEW)
        signed = keys.sign("activate", [7, "ann@example.org"], expires_at=START + timedelta(days=7))
        assert keys.verify("activate", signed, now=START) == [7, "ann@example.org"]

    def test_is_safe_in_a_path(self) -> None:
        signed = KeyRing(NEW).sign("activate", ["ÿþ?/+&" * 20, None])
        assert set(signed) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")

    def test_ends_after_its_time(self) -> None:
        keys = KeyRing(NEW)
        signed = keys.sign("activate", 1, expires_at=START + timedelta(minutes=1))
        with pytest.raises(InvalidSignatureError, match="expired"):
            keys.verify("activate", signed, now=START + timedelta(minutes=2))

    def test_without_a_time_it_never_ends(self) -> None:
        keys = KeyRing(NEW)
        assert keys.verify("x", keys.sign("x", 1), now=START + timedelta(days=10_000)) == 1

    def test_is_worth_nothing_for_another_purpose(self) -> None:
        keys = KeyRing(NEW)
        with pytest.raises(InvalidSignatureError):
            keys.verify("reset", keys.sign("activate", 1), now=START)

    def test_the_previous_key_still_verifies(self) -> None:
        signed = KeyRing(OLD).sign("x", 1)
        assert KeyRing(NEW, OLD).verify("x", signed, now=START) == 1
        with pytest.raises(InvalidSignatureError):
            KeyRing(NEW).verify("x", signed, now=START)

    def test_new_values_are_signed_with_the_current_key(self) -> None:
        assert KeyRing(NEW).verify("x", KeyRing(NEW, OLD).sign("x", 1), now=START) == 1

    @pytest.mark.parametrize("text", ["", ".", "a", "a.b", "..", "é.é", "\ud800.\ud800", "a.b.c", "=.="])
    def test_what_was_never_signed_is_refused(self, text: str) -> None:
        with pytest.raises(InvalidSignatureError):
            KeyRing(NEW).verify("x", text, now=START)

    @given(st.data())
    def test_any_altered_character_is_noticed(self, data: st.DataObject) -> None:
        keys = KeyRing(NEW)
        signed = keys.sign("x", [1, "two"])
        place = data.draw(st.integers(0, len(signed) - 1))
        other = data.draw(st.characters(exclude_characters=signed[place]))
        with pytest.raises(InvalidSignatureError):
            keys.verify("x", signed[:place] + other + signed[place + 1 :], now=START)

    @given(st.text())
    def test_no_text_makes_it_fail_otherwise(self, text: str) -> None:
        with pytest.raises(InvalidSignatureError):
            KeyRing(NEW).verify("x", text, now=START)


class TestEncrypt:
    def test_decrypt_returns_the_secret(self) -> None:
        keys = KeyRing(NEW)
        encrypted = keys.encrypt("authclient", "sécret")
        assert "sécret" not in encrypted
        assert keys.decrypt("authclient", encrypted) == "sécret"

    def test_the_previous_key_still_decrypts(self) -> None:
        encrypted = KeyRing(OLD).encrypt("authclient", "secret")
        assert KeyRing(NEW, OLD).decrypt("authclient", encrypted) == "secret"

    @pytest.mark.parametrize("keys", [KeyRing(NEW), KeyRing(OLD)])
    def test_another_key_or_purpose_says_what_is_needed(self, keys: KeyRing) -> None:
        encrypted = KeyRing(OLD).encrypt("totp", "secret")
        with pytest.raises(UndecryptableError, match="SECRET_KEY_PREVIOUS"):
            keys.decrypt("authclient", encrypted)
