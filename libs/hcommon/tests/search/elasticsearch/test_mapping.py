"""Annotations as documents of the index."""

from uuid import UUID

import pytest
from hcommon.search.document import AnnotationDocument
from hcommon.search.elasticsearch.mapping import MAPPINGS, MOST_WORD_BYTES, fitting, source_of, word_stream


def document(**changes: object) -> AnnotationDocument:
    values: dict[str, object] = {
        "id": UUID(int=10),
        "revision": 3,
        "user_id": 1,
        "username_normalized": "ann",
        "authority": "example.org",
        "userid": "acct:ann@example.org",
        "group_id": 2,
        "group_pubid": "__world__",
        "group_authority": "example.org",
        "group_authority_provided_id": None,
        "shared": True,
        "hidden": False,
        "world": True,
        "nipsa": False,
        "created_us": 1,
        "updated_us": 2,
        "target_uri": "https://example.com/a?b=c",
        "target_uri_normalized": "https://example.com/a?b=c",
        "target_uri_hash": UUID(int=11),
        "document_version": None,
        "references": (UUID(int=12),),
        "quotes": ("One two.",),
        "tags": ("Red", "deep blue"),
        "text": "",
    }
    return AnnotationDocument(**(values | changes))  # type: ignore[arg-type] - values of every kind


class TestWordStreams:
    @pytest.mark.parametrize(
        ("text", "stream"),
        [
            ("", ""),
            ("!? --", ""),
            ("The Sea, the sea", "the sea the sea"),
            ("日本語", "日本 本語 語"),
            ("本", "本"),
            ("ab日本cd 語", "ab 日本 本 cd 語"),
            ("日。本", "日 本"),
        ],
    )
    def test_each_position_has_one_word(self, text: str, stream: str) -> None:
        assert word_stream(text) == stream

    def test_words_that_elasticsearch_would_cut_in_two_are_shortened(self) -> None:
        assert fitting("a" * 255) == "a" * 255
        assert fitting("\U00010330" * 200) == "\U00010330" * 127


class TestDocuments:
    def test_each_field_of_the_mapping_is_filled_and_no_other(self) -> None:
        assert source_of(document()).keys() == MAPPINGS["properties"].keys()

    def test_texts_stay_apart(self) -> None:
        source = source_of(document(text="日本"))
        assert (source["quote"], source["tags"], source["text"]) == (["one two"], ["red", "deep blue"], ["日本 本"])

    def test_ids_are_hexadecimal_so_that_they_are_ordered_as_in_postgresql(self) -> None:
        source = source_of(document())
        assert source["id"] == "0000000000000000000000000000000a"
        assert source["references"] == ["0000000000000000000000000000000c"]

    def test_a_uri_that_no_index_term_can_hold_is_left_out(self) -> None:
        longest = "https://example.com/" + "a" * (32_766 - 20)
        assert source_of(document(target_uri_normalized=longest))["uri"] == longest
        assert source_of(document(target_uri_normalized=longest + "a"))["uri"] is None

    def test_of_more_words_than_a_request_can_carry_the_text_gives_way(self) -> None:
        source = source_of(document(text="word " * MOST_WORD_BYTES, tags=("kept",)))
        assert source["tags"] == ["kept"]
        assert MOST_WORD_BYTES - 20 < sum(len(stream) for stream in source["text"]) <= MOST_WORD_BYTES
        assert source["text"][0].endswith(" word")
