"""Words as tsvector and tsquery: what a search for words finds."""

from typing import Any
from uuid import UUID

import orjson
import pytest
from hcommon.search.backend import TooManyWordsError
from hcommon.search.postgresql.tsquery import MOST_WORDS
from hcommon.search.postgresql.words import MOST_BYTES, words_of
from hcommon.testing.factories import make_annotation, make_user
from sqlalchemy import text
from sqlalchemy.orm import Session

URI = "https://journal.example.com/origin-of-species/c%C3%B4te?page=12"


@pytest.fixture
def annotation_id(session: Session) -> UUID:
    """An annotation with a word in every field."""
    return make_annotation(
        session,
        user=make_user(session),
        target_uri=URI,
        text="I don't think **Darwin's** finches were drôle. 日本語の勉強 ☂",
        tags=["Galápagos islands", "to-do"],
        selectors=[
            {"type": "TextPositionSelector", "start": 1, "end": 2},
            {
                "type": "TextQuoteSelector",
                "exact": "When on board H.M.S. Beagle",
                "prefix": "prefix ",
                "suffix": " end",
            },
        ],
    ).id


def found(search: Any, annotation_id: UUID, **query: Any) -> bool:
    ids = search(**query).ids
    assert ids in ((), (annotation_id,))
    return bool(ids)


class TestText:
    @pytest.mark.parametrize(
        "value", ["finches", "FINCHES sparrows", "drole", "Drôle!", "don't", "darwin", "本語", "☂"]
    )
    def test_one_word_of_a_value_is_enough(self, search: Any, annotation_id: UUID, value: str) -> None:
        assert found(search, annotation_id, text=(value,))

    @pytest.mark.parametrize("value", ["finch", "beagle", "galapagos", "species", "don`s", "語日", "!!!", " "])
    def test_words_elsewhere_and_parts_of_words_are_not(self, search: Any, annotation_id: UUID, value: str) -> None:
        assert not found(search, annotation_id, text=(value,))

    def test_every_value_counts(self, search: Any, annotation_id: UUID) -> None:
        assert found(search, annotation_id, text=("finches x", "drole y"))
        assert not found(search, annotation_id, text=("finches", "sparrows"))
        assert not found(search, annotation_id, text=("finches", "!!!"))


class TestQuote:
    def test_it_is_what_was_selected(self, search: Any, annotation_id: UUID) -> None:
        assert found(search, annotation_id, quote=("beagle",))
        assert found(search, annotation_id, quote=("h.m.s.",))
        assert not found(search, annotation_id, quote=("prefix end finches",))


class TestTags:
    @pytest.mark.parametrize("value", ["galapagos", "Islands", "islands galapagos", "to-do", "to do"])
    def test_all_words_of_a_value_are_among_the_tags(self, search: Any, annotation_id: UUID, value: str) -> None:
        assert found(search, annotation_id, tags=(value,))

    @pytest.mark.parametrize("value", ["galapagos sea", "finches", "do-to", "!"])
    def test_else_it_is_not_found(self, search: Any, annotation_id: UUID, value: str) -> None:
        assert not found(search, annotation_id, tags=(value,))

    def test_values_may_be_about_different_tags(self, search: Any, annotation_id: UUID) -> None:
        assert found(search, annotation_id, tags=("galapagos", "to-do"))
        assert not found(search, annotation_id, tags=("galapagos", "finches"))


class TestURIParts:
    @pytest.mark.parametrize(
        "value", ["species", "origin/species", "Côte", "c%C3%B4te", "example.com page", "12", "https"]
    )
    def test_all_parts_are_in_the_uri(self, search: Any, annotation_id: UUID, value: str) -> None:
        assert found(search, annotation_id, uri_parts=(value,))

    @pytest.mark.parametrize("value", ["finches", "example.org", "specie", "/"])
    def test_else_it_is_not_found(self, search: Any, annotation_id: UUID, value: str) -> None:
        assert not found(search, annotation_id, uri_parts=(value,))


class TestAny:
    @pytest.mark.parametrize(
        "value",
        [
            "finches",
            "finches galapagos beagle species",
            "finches + beagle",
            "sparrows | beagle",
            "-sparrows",
            "finches -sparrows",
            '"on board"',
            '"board hms" | "h m s beagle"',
            "finc*",
            '"finches were" -"were finches"',
            "(sparrows | finches) (beagle | bounty)",
            "origin-of-species",
            "journal.example.com",
            "exam*",
            "!!! finches",
            "finches -!!!",
            '"finches beagle',
            "finches~2",
            "日本語",
            "日本*",
        ],
    )
    def test_it_finds(self, search: Any, annotation_id: UUID, value: str) -> None:
        assert found(search, annotation_id, any=(value,))

    @pytest.mark.parametrize(
        "value",
        [
            "sparrows",
            "finches sparrows",
            "-finches",
            "finches -beagle",
            '"board on"',
            '"beagle galapagos"',
            '"islands to"',
            "sparrows | bounty",
            "-(sparrows | finches)",
            "inches*",
            "prefix",
            "!!!",
            "| - +",
            "*",
        ],
    )
    def test_it_does_not_find(self, search: Any, annotation_id: UUID, value: str) -> None:
        assert not found(search, annotation_id, any=(value,))

    def test_several_values_are_one_query(self, search: Any, annotation_id: UUID) -> None:
        assert found(search, annotation_id, any=("sparrows", "|", "beagle"))
        assert not found(search, annotation_id, any=("finches", "sparrows"))


class TestCombinations:
    def test_all_fields_must_match(self, search: Any, annotation_id: UUID) -> None:
        query = {"text": ("finches",), "tags": ("islands",), "quote": ("beagle",), "any": ("journal",)}
        assert found(search, annotation_id, **query, uri_parts=("species",))
        for name in query:
            assert not found(search, annotation_id, **(query | {name: ("sparrows",)}))

    def test_odd_characters_are_words_or_nothing_but_never_operators(self, session: Session, search: Any) -> None:
        uri = "https://example.com/it's/a\\b/c:*&|!<->d"
        made = make_annotation(session, user=make_user(session), target_uri=uri, text="it's a\\b")
        assert found(search, made.id, uri_parts=(uri,))
        assert found(search, made.id, uri_parts=("it's a\\b",))
        assert found(search, made.id, any=("it's",), text=("a\\b",))


class TestLongSearches:
    def test_many_words_are_found(self, session: Session, search: Any) -> None:
        words = " ".join(f"w{number}" for number in range(MOST_WORDS))
        made = make_annotation(session, user=make_user(session), text=words)
        for name in ("text", "any"):
            assert found(search, made.id, **{name: (words,)})
        assert found(search, made.id, any=(f'"{words}"',))

    @pytest.mark.parametrize("name", ["text", "quote", "tags", "any", "uri_parts"])
    def test_too_many_are_refused(self, search: Any, name: str) -> None:
        with pytest.raises(TooManyWordsError):
            search(**{name: (" ".join(f"w{number}" for number in range(MOST_WORDS + 1)),)})


class TestLongAnnotations:
    """PostgreSQL limits a tsvector; nothing of that may be an error."""

    def test_words_far_behind_are_found_alone(self, session: Session, search: Any) -> None:
        filler = " ".join(f"w{number}" for number in range(20_000))
        made = make_annotation(session, user=make_user(session), text=f"first words {filler} last words")
        assert found(search, made.id, text=("last",), any=('"first words" last w19999',))

    def test_a_long_quote_does_not_hide_the_text(self, session: Session, search: Any) -> None:
        filler = " ".join(f"w{number}" for number in range(20_000))
        made = make_annotation(
            session,
            user=make_user(session),
            text="shared phrase here",
            tags=[*filler.split()[:3000], "shared"],
            selectors=[{"type": "TextQuoteSelector", "exact": f"{filler} shared"}],
        )
        for query in ({"any": ('"shared phrase here"',)}, {"text": ("shared",)}, {"tags": ("shared",)}):
            assert found(search, made.id, quote=("shared",), **query), query

    def test_a_word_repeated_in_every_field_is_found_in_each(self, session: Session, search: Any) -> None:
        often = "the " * 1_000
        made = make_annotation(
            session,
            user=make_user(session),
            target_uri="https://example.com/the",
            text=f"{often} end",
            tags=[often],
            selectors=[{"type": "TextQuoteSelector", "exact": often}],
        )
        assert found(search, made.id, text=("the",), tags=("the",), quote=("the",), uri_parts=("the",))
        assert found(search, made.id, any=("the end",))

    def test_millions_of_words_are_cut(self, session: Session) -> None:
        words = words_of(quotes=[], tags=["tag"], text=" ".join(f"w{n:08}" for n in range(200_000)), target_uri=URI)
        size = session.execute(text("SELECT pg_column_size(CAST(:words AS tsvector))"), {"words": words}).scalar_one()
        assert size < MOST_BYTES * 1.2
        assert "'tag':" in words

    def test_long_words_of_wide_characters_fit(self, session: Session, search: Any) -> None:
        word = "\U0001f600" * 3000 + " " + "ñ" * 3000 + " " + "\U00020000" * 2000
        made = make_annotation(
            session, user=make_user(session), text=word, target_uri=f"https://x.example/{'é' * 3000}"
        )
        assert found(search, made.id, text=("ñ" * 3000,), uri_parts=("é" * 3000,))

    def test_positions_without_end_are_counted(self, session: Session) -> None:
        texts = " ".join(f"w{n % 9000:06}" for n in range(900_000))
        words = words_of(quotes=[texts], tags=[], text=texts, target_uri=URI)
        session.execute(text("SELECT CAST(:words AS tsvector)"), {"words": words})


class TestWordsOfOddAnnotations:
    def test_nul_and_half_characters_are_left_out(self, session: Session, search: Any) -> None:
        exact = '[{"type": "TextQuoteSelector", "exact": "nul\\u0000led \\ud800half"}]'
        made = make_annotation(session, user=make_user(session))
        made.target_selectors = exact
        assert found(search, made.id, quote=("nulled",))
        assert found(search, made.id, quote=("half",))

    @pytest.mark.parametrize(
        "selectors",
        [
            {},
            "text",
            [None],
            [{"type": "TextQuoteSelector"}],
            [{"type": "TextQuoteSelector", "exact": 7}],
            [{"exact": "x"}],
        ],
    )
    def test_odd_selectors_have_no_quote(self, session: Session, search: Any, selectors: Any) -> None:
        made = make_annotation(session, user=make_user(session), text="there")
        made.target_selectors = orjson.dumps(selectors).decode()
        assert found(search, made.id, text=("there",))
        assert not found(search, made.id, quote=("x 7",))
