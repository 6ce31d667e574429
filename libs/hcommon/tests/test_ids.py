"""Ids read back as they were written, and nothing else is accepted."""

import base64
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from hcommon import ids
from hcommon.errors import ErrorKind
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
LEGACY = uuid.UUID("00112233-4455-e667-5889-aabbccddeeff")


class TestNewAnnotationId:
    def test_is_a_version_7_uuid(self) -> None:
        made = ids.new_annotation_id(now=NOW)
        assert made.version == 7
        assert made.variant == uuid.RFC_4122

    def test_begins_with_the_milliseconds(self) -> None:
        made = ids.new_annotation_id(now=NOW)
        assert made.int >> 80 == round(NOW.timestamp() * 1000 - 0.456)

    @given(
        earlier=st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9000, 1, 1)),  # noqa: DTZ001
        gap=st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(days=9999)),
    )
    def test_later_microseconds_sort_later(self, earlier: datetime, gap: timedelta) -> None:
        earlier = earlier.replace(tzinfo=UTC)
        first, second = ids.new_annotation_id(now=earlier), ids.new_annotation_id(now=earlier + gap)
        assert first < second
        assert first.bytes < second.bytes

    def test_does_not_repeat_within_a_microsecond(self) -> None:
        assert len({ids.new_annotation_id(now=NOW) for _ in range(2000)}) == 2000

    def test_is_the_same_moment_in_every_time_zone(self) -> None:
        elsewhere = ids.new_annotation_id(now=NOW.astimezone())
        assert elsewhere.int >> 64 == ids.new_annotation_id(now=NOW).int >> 64

    def test_is_never_taken_for_a_legacy_id(self) -> None:
        assert {len(ids.annotation_id_to_urlsafe(ids.new_annotation_id(now=NOW))) for _ in range(2000)} == {22}


class TestUrlsafe:
    def test_writes_a_uuid_in_22_characters(self) -> None:
        written = ids.annotation_id_to_urlsafe(uuid.UUID("ffffffff-ffff-1fff-bfff-fbfffffffffe"))
        assert written == "________H_-___v______g"

    def test_writes_a_legacy_id_in_20_characters(self) -> None:
        raw = bytes.fromhex("00112233445566788" + "9aabbccddeeff")
        assert ids.annotation_id_to_urlsafe(LEGACY) == base64.urlsafe_b64encode(raw).decode()
        assert len(ids.annotation_id_to_urlsafe(LEGACY)) == 20

    @given(st.uuids())
    def test_reads_back_what_it_wrote(self, annotation_id: uuid.UUID) -> None:
        assert ids.annotation_id_from_urlsafe(ids.annotation_id_to_urlsafe(annotation_id)) == annotation_id

    @given(st.binary(min_size=15, max_size=15))
    def test_reads_every_text_of_20_characters(self, raw: bytes) -> None:
        text = base64.urlsafe_b64encode(raw).decode()
        annotation_id = ids.annotation_id_from_urlsafe(text)
        assert (annotation_id.hex[12], annotation_id.hex[16]) == ("e", "5")
        assert ids.annotation_id_to_urlsafe(annotation_id) == text

    @given(
        st.one_of(
            st.text(st.characters(exclude_categories=[])),
            st.text(alphabet="ABYZabyz0189-_+/=", min_size=19, max_size=24),
        )
    )
    def test_reads_nothing_that_it_would_write_differently(self, text: str) -> None:
        try:
            annotation_id = ids.annotation_id_from_urlsafe(text)
        except ids.InvalidIdError:
            return
        assert ids.annotation_id_to_urlsafe(annotation_id) == text

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("", id="empty"),
            pytest.param("A" * 19, id="19 characters"),
            pytest.param("A" * 21, id="21 characters"),
            pytest.param("A" * 23, id="23 characters"),
            pytest.param("A" * 21 + "B", id="unused bits set"),
            pytest.param("A" * 22 + "==", id="padding"),
            pytest.param("+" + "A" * 21, id="the other alphabet"),
            pytest.param("A" * 21 + "\n", id="line end"),
            pytest.param("A" * 22 + "\n", id="trailing line end"),
            pytest.param("é" * 22, id="not ASCII"),
            pytest.param("\ud800" * 22, id="surrogates"),
            pytest.param("ABEiM0RV5mdYiaq7zN3u_w", id="a legacy id in 22 characters"),
        ],
    )
    def test_refuses(self, text: str) -> None:
        with pytest.raises(ids.InvalidIdError) as caught:
            ids.annotation_id_from_urlsafe(text)
        assert caught.value.kind is ErrorKind.INVALID


class TestPubid:
    @pytest.mark.parametrize("length", [ids.GROUP_PUBID_LENGTH, ids.USER_PUBID_LENGTH])
    def test_has_the_length_and_the_alphabet(self, length: int) -> None:
        made = [ids.new_pubid(length) for _ in range(500)]
        assert {len(pubid) for pubid in made} == {length}
        assert set("".join(made)) == set("123456789ABDEGJKLMNPQRVWXYZabdegijkmnopqrvwxyz")
        assert len(set(made)) == 500

    def test_is_never_the_public_group(self) -> None:
        assert not set("_") & set(ids.new_pubid(1000))
        assert ids.WORLD_GROUP == "__world__"


class TestUserid:
    def test_splits_what_was_made(self) -> None:
        assert ids.make_userid("Ada.L", "example.org") == "acct:Ada.L@example.org"
        assert ids.split_userid("acct:Ada.L@example.org") == ("Ada.L", "example.org")

    def test_accepts_names_older_than_the_rules(self) -> None:
        assert ids.split_userid("acct:a-b@localhost:5000") == ("a-b", "localhost:5000")

    @pytest.mark.parametrize(
        "userid",
        [
            "", "ada", "acct:", "acct:ada", "acct:ada@", "acct:@example.org", "acct:a@b@c", "ACCT:ada@example.org",
            "acct:ada@example.org\n", "acct:a da@example.org", "acct:a\x00@example.org", "acct:a\ud800@example.org",
            " acct:ada@example.org",
        ],
    )  # fmt: skip
    def test_refuses(self, userid: str) -> None:
        with pytest.raises(ids.InvalidUseridError, match="acct:name@host"):
            ids.split_userid(userid)


class TestGroupid:
    def test_splits_what_was_made(self) -> None:
        assert ids.make_groupid("a+b~(1)'", "example.org") == "group:a+b~(1)'@example.org"
        assert ids.split_groupid("group:a+b~(1)'@example.org") == ("a+b~(1)'", "example.org")

    def test_accepts_1024_characters_and_no_more(self) -> None:
        assert ids.split_groupid(f"group:{'x' * 1024}@h") == ("x" * 1024, "h")
        with pytest.raises(ids.InvalidGroupidError):
            ids.split_groupid(f"group:{'x' * 1025}@h")

    @pytest.mark.parametrize(
        "groupid", ["", "abcdefgh", ids.WORLD_GROUP, "group:@h", "group:a@", "group:a b@h", "group:é@h", "group:a@h\n"]
    )
    def test_refuses(self, groupid: str) -> None:
        with pytest.raises(ids.InvalidGroupidError, match="group:id@host"):
            ids.split_groupid(groupid)


class TestUsername:
    def test_dots_and_case_do_not_make_another_account(self) -> None:
        assert {ids.normalize_username(name) for name in ("new.user", "NewUser", "newuser")} == {"newuser"}

    @pytest.mark.parametrize("name", ["abc", "_a_", "a.b", "a..b", "A1b2", "x" * 30, "0.0"])
    def test_may_be(self, name: str) -> None:
        assert ids.is_valid_username(name)

    @pytest.mark.parametrize(
        "name", ["", "ab", "x" * 31, ".ab", "ab.", "a-b", "a b", "äbc", "abc\n", "a@b", "\uff1123"]
    )
    def test_may_not_be(self, name: str) -> None:
        assert not ids.is_valid_username(name)
