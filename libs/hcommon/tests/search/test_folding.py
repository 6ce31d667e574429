"""What a reader types finds what was written, in the writing of many languages."""
# ruff: noqa: RUF001 - characters that look like others are what folding is about

import time
import unicodedata

import pytest
from hcommon.search.folding import LONGEST_TOKEN, Token, fold, index_tokens, query_tokens, uri_parts
from hypothesis import given
from hypothesis import strategies as st

ANY_TEXT = st.text(st.characters(exclude_categories=[]))
HAN_AND_KANA = st.text(alphabet="東京都庁人生而自由かがカガー々", min_size=1, max_size=12)
THAI = st.text(alphabet="กรุงเทพมหานคร้่ำ", min_size=1, max_size=12)


def finds(query: str, text: str) -> bool:
    """Tell whether a phrase search for the query finds the text, as any backend does it."""
    asked, indexed = query_tokens(query), set(index_tokens(text))
    starts = [position for word, position in indexed if asked and word == asked[0][0]]
    return any(all((word, start + position - asked[0][1]) in indexed for word, position in asked) for start in starts)


class TestFindsAcrossSpellings:
    @pytest.mark.parametrize(
        ("query", "text"),
        [
            pytest.param("CLICHE", "un cliché", id="French accents"),
            pytest.param("coeur", "le cœur", id="French ligature"),
            pytest.param("homme", "l’homme", id="French elision"),
            pytest.param("nino", "El NIÑO", id="Spanish"),
            pytest.param("STRASSE", "Straße", id="German sharp s"),
            pytest.param("straße", "STRASSE", id="German sharp s asked for"),
            pytest.param("STRAẞE", "strasse", id="German capital sharp s"),
            pytest.param("uber", "Über", id="German umlaut"),
            pytest.param("istanbul", "İSTANBUL", id="Turkish dotted capital"),
            pytest.param("ısparta", "ISPARTA", id="Turkish dotless capital"),
            pytest.param("kirmizi", "KIRMIZI kırmızı", id="Turkish dotless"),
            pytest.param("viet nam", "Việt Nam", id="Vietnamese"),
            pytest.param("da nang", "Đà Nẵng", id="Vietnamese stroke"),
            pytest.param("lodz", "Łódź", id="Polish"),
            pytest.param("aerø", "Ærø", id="Danish"),
            pytest.param("οδος", "ΟΔΌΣ", id="Greek final sigma"),
            pytest.param("ανθρωπος", "ἄνθρωπος", id="Greek polytonic"),
            pytest.param("елка", "ЁЛКА", id="Russian"),
            pytest.param("київ", "КИЇВ", id="Ukrainian"),
            pytest.param("محمد", "مُحَمَّد", id="Arabic vowel signs"),
            pytest.param("احمد", "أحمد", id="Arabic hamza"),
            pytest.param("الله", "اللـــه", id="Arabic stretched"),
            pytest.param("ميخواهم", "می\u200cخواهم", id="Persian on an Arabic keyboard"),
            pytest.param("2024", "٢٠٢٤ ۲۰۲۴ २०२४ ２０２４"[:4], id="Arabic digits"),
            pytest.param("שלום", "שָׁלוֹם", id="Hebrew points"),
            pytest.param("हिन्दी", "हिन्दी भाषा", id="Hindi"),
            pytest.param("जरूर", "ज़रूर", id="Hindi dot"),
            pytest.param("தமிழ்", "தமிழ் மொழி", id="Tamil"),
            pytest.param("自由", "人人生而自由", id="Chinese"),
            pytest.param("由", "人人生而自由", id="Chinese single"),
            pytest.param("𠮷野家", "𠮷野家で", id="Chinese beyond the basic plane"),
            pytest.param("東京都", "新東京都庁", id="Japanese"),
            pytest.param("カレー", "ｶﾚｰ", id="Japanese half width"),
            pytest.param("がく", "か\u3099く", id="Japanese taken apart"),
            pytest.param("iphoneで", "新しいiPhoneで読む", id="Japanese with Latin"),
            pytest.param("กรุงเทพ", "อยู่กรุงเทพมหานคร", id="Thai"),
            pytest.param("ນ້ຳ", "ກິນນ້ຳ", id="Lao"),
            pytest.param("ភាសា", "រៀនភាសាខ្មែរ", id="Khmer"),
            pytest.param("မြန်မာ", "မြန်မာစာ", id="Burmese"),
            pytest.param("한국어", "저는 한국어 공부", id="Korean"),
            pytest.param("한국어", unicodedata.normalize("NFD", "한국어"), id="Korean taken apart"),
            pytest.param("dont", "don\u00adt", id="soft hyphen"),
            pytest.param("don't", "DON’T", id="apostrophes"),
            pytest.param("darwin", "Darwin's finches", id="possessive"),
            pytest.param("e-mail", "an e mail", id="hyphen"),
            pytest.param("very", "a _very_ good text", id="Markdown emphasis"),
            pytest.param("file", "the ﬁle", id="ligature"),
            pytest.param("⭐", "rated ⭐️⭐️", id="emoji"),
        ],
    )
    def test_finds(self, query: str, text: str) -> None:
        assert finds(query, text)

    @pytest.mark.parametrize(
        ("query", "text"),
        [
            pytest.param("cat", "concatenate", id="part of a word"),
            pytest.param("quick fox", "quick brown fox", id="phrase with a gap"),
            pytest.param("京東", "東京", id="Chinese other order"),
            pytest.param("かき", "がき", id="Japanese voicing"),
            pytest.param("มา", "ม้า", id="Thai tone"),
            pytest.param("कि", "की", id="Hindi vowel"),
            pytest.param("कया", "क्या", id="Hindi joined consonants"),
            pytest.param("...", "...", id="nothing to search for"),
        ],
    )
    def test_does_not_find(self, query: str, text: str) -> None:
        assert not finds(query, text)

    @given(st.one_of(HAN_AND_KANA, THAI), st.data())
    def test_every_part_of_a_run_without_spaces_is_found(self, text: str, data: st.DataObject) -> None:
        folded = fold(text)
        start = data.draw(st.integers(0, len(folded) - 1))
        end = data.draw(st.integers(start + 1, len(folded)))
        assert finds(folded[start:end], text)

    @given(ANY_TEXT)
    def test_a_text_finds_itself_in_every_case(self, text: str) -> None:
        if query_tokens(text):
            assert finds(text, text)
            assert finds(fold(text), text)


class TestFold:
    @pytest.mark.parametrize(
        "invisible", ["\u00ad", "\u200b", "\u200d", "\u200f", "\u034f", "\ufe0f", "\U000e0100", "\u20dd"]
    )
    def test_characters_without_a_width_are_dropped(self, invisible: str) -> None:
        assert fold(f"Wo{invisible}rd") == "word"
        assert index_tokens(f"⭐{invisible}") == [("⭐", 1)]

    def test_folding_twice_changes_nothing_for_any_character(self) -> None:
        text = [chr(code) for code in range(0x30000)]
        assert [one for one in text if fold(fold(one)) != fold(one)] == []

    @given(ANY_TEXT)
    def test_folding_twice_changes_nothing(self, text: str) -> None:
        assert fold(fold(text)) == fold(text)

    @given(st.text(st.characters(max_codepoint=127)), st.text())
    def test_ascii_folds_alike_alone_and_beside_other_characters(self, ascii_text: str, other: str) -> None:
        assert fold(f"{ascii_text} \N{EURO SIGN} {other}").startswith(f"{fold(ascii_text)} \N{EURO SIGN} ")


class TestTokens:
    def test_words_have_positions_from_1(self) -> None:
        expected = [("the", 1), ("don", 2), ("t", 3), ("2", 4)]
        assert index_tokens("The don't-2!") == query_tokens("The don't-2!") == expected

    def test_other_writing_has_the_same_positions(self) -> None:
        assert index_tokens("é, _x_ ü") == [("e", 1), ("x", 2), ("u", 3)]

    def test_a_run_without_spaces_is_indexed_as_characters_and_pairs(self) -> None:
        assert index_tokens("a 東京都 b") == [
            ("a", 1), ("東", 2), ("東京", 2), ("京", 3), ("京都", 3), ("都", 4), ("b", 5),
        ]  # fmt: skip

    def test_a_run_without_spaces_is_asked_for_as_pairs(self) -> None:
        assert query_tokens("a 東京都 b") == [("a", 1), ("東京", 2), ("京都", 3), ("b", 5)]

    def test_one_character_is_asked_for_as_itself(self) -> None:
        assert query_tokens("東") == [("東", 1)]

    def test_a_run_ends_where_letters_of_words_begin(self) -> None:
        assert query_tokens("東京tokyo2024年") == [("東京", 1), ("tokyo2024", 3), ("年", 4)]

    @pytest.mark.parametrize("text", ["", " ", "...", "\x00", "\ud800", "_", "€", "’"])
    def test_nothing_to_search_for(self, text: str) -> None:
        assert index_tokens(text) == query_tokens(text) == []

    @pytest.mark.parametrize("letter", ["x", "é", "東x"])
    def test_a_long_word_is_cut_alike(self, letter: str) -> None:
        word = letter + "x" * 1000
        assert max(len(token) for token, _ in index_tokens(word)) == LONGEST_TOKEN
        assert finds(word, f"a {word} b")

    @given(ANY_TEXT)
    def test_tokens_are_words_alone(self, text: str) -> None:
        tokens: list[Token] = index_tokens(text)
        assert set(query_tokens(text)) <= set(tokens)
        assert [position for _, position in tokens] == sorted(position for _, position in tokens)
        for word, position in tokens:
            assert 0 < len(word) <= LONGEST_TOKEN
            assert not set(word) & set("\x00'\"\\ \n&|!():*<>_-%")
            assert word.encode()
            assert position >= 1

    @given(st.text(alphabet="abc 東京ก’é_\x00-", max_size=30), st.text(alphabet="abc 東京ก’é_-", max_size=30))
    def test_texts_side_by_side_have_the_tokens_of_both(self, first: str, second: str) -> None:
        shift = max((position for _, position in index_tokens(first)), default=0)
        shifted = [(word, position + shift) for word, position in index_tokens(second)]
        assert sorted(index_tokens(f"{first}\n{second}")) == sorted(index_tokens(first) + shifted)

    def test_a_long_text_takes_no_longer_than_its_length_asks(self) -> None:
        started = time.process_time()
        for piece in ("a", "é", "東", "a ", "東a", "\u0301", "_", "’"):
            index_tokens(piece * 100_000)
        assert time.process_time() - started < 10


class TestUriParts:
    @pytest.mark.parametrize(
        ("uri", "expected"),
        [
            ("https://www.Example.com/A-b/c_d?q=x+y#Top",
             ["https", "www", "example", "com", "a", "b", "c_d", "q", "x", "y", "top"]),
            ("http://a.com/a/A", ["http", "a", "com"]),
            ("http://a/?u=http%3A%2F%2Fb%3Fc%3Dd%2Be%23f", ["http", "a", "u", "b", "c", "d", "e", "f"]),
            ("http://a/?x=1&y=2", ["http", "a", "x", "1", "y", "2"]),
            ("http://a/caf%C3%A9%20bar", ["http", "a", "cafe", "bar"]),
            ("http://a/café", ["http", "a", "cafe"]),
            ("urn:x-pdf:ABC", ["urn", "x", "pdf", "abc"]),
            ("http://a/%00b\ud800c", ["http", "a", "b", "c"]),
            ("", []),
        ],
    )  # fmt: skip
    def test_splits(self, uri: str, expected: list[str]) -> None:
        assert uri_parts(uri) == expected

    def test_a_long_part_is_cut(self) -> None:
        assert uri_parts("x" * 1000) == ["x" * LONGEST_TOKEN]

    @given(st.one_of(ANY_TEXT, st.text(alphabet="aB%2F0é/&# \x00")))
    def test_parts_can_be_stored_and_are_found_by_themselves(self, uri: str) -> None:
        parts = uri_parts(uri)
        assert len(set(parts)) == len(parts)
        for part in parts:
            assert 0 < len(part) <= LONGEST_TOKEN
            assert "\x00" not in part
            assert part.encode()
