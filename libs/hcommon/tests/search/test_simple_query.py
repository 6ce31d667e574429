"""The query language of `any`."""

import pytest
from hcommon.search.simple_query import DEEPEST_GROUP, AllOf, AnyOf, Node, Term, Without, parse
from hypothesis import given
from hypothesis import strategies as st

A, B, C = Term("a"), Term("b"), Term("c")


class TestQueries:
    @pytest.mark.parametrize(
        ("text", "node"),
        [
            ("a", A),
            ("  a  ", A),
            ("a b c", AllOf((A, B, C))),
            ("a + b", AllOf((A, B))),
            ("a+b", AllOf((A, B))),
            ("a | b", AnyOf((A, B))),
            ("a|b|c", AnyOf((A, B, C))),
            ("-a", Without(A)),
            ("a -b", AllOf((A, Without(B)))),
            ("--a", A),
            ("---a", Without(A)),
            ("a - b", AllOf((A, B))),
            ("a-b", Term("a-b")),
            ('"a b"', Term("a b")),
            ('-"a b"', Without(Term("a b"))),
            ('x"a b"y', AllOf((Term("x"), Term("a b"), Term("y")))),
            ("a*", Term("a", prefix=True)),
            ("a**", Term("a", prefix=True)),
            ("a*b", Term("a*b")),
            ("-a*", Without(Term("a", prefix=True))),
            ("(a | b) c", AllOf((AnyOf((A, B)), C))),
            ("c (a | b)", AllOf((C, AnyOf((A, B))))),
            ("-(a b)", Without(AllOf((A, B)))),
            ("((a))", A),
        ],
    )
    def test_it_reads(self, text: str, node: Node) -> None:
        assert parse(text) == node

    def test_operators_apply_from_left_to_right(self) -> None:
        assert parse("a b | c") == AnyOf((AllOf((A, B)), C))
        assert parse("a | b c") == AllOf((AnyOf((A, B)), C))

    def test_an_or_reaches_the_next_operand_only(self) -> None:
        assert parse("a | -b c") == AllOf((AnyOf((A, Without(B))), C))

    def test_a_backslash_makes_an_ordinary_character(self) -> None:
        assert parse(r"a\*") == Term("a*")
        assert parse(r"\-a") == Term("-a")
        assert parse(r"a\|b") == Term("a|b")
        assert parse(r'"a\"b"') == Term('a"b')

    def test_similarity_has_no_effect(self) -> None:
        assert parse("a~2 b~") == AllOf((A, B))
        assert parse('"a b"~3 c') == AllOf((Term("a b"), C))
        assert parse(r"a\~2") == Term("a~2")


class TestMalformedQueries:
    @pytest.mark.parametrize("text", ["", " ", "|", "+", "-", "()", "(", ")", "((", "| + -", "\\", '"'])
    def test_nothing_is_asked_for(self, text: str) -> None:
        assert parse(text) is None

    @pytest.mark.parametrize(
        ("text", "node"),
        [
            ('"a b', AllOf((A, B))),
            ('a" b', AllOf((A, B))),
            ("a)", A),
            (") a", A),
            ("(a b", AllOf((A, B))),
            ("a (b | c", AllOf((A, AnyOf((B, C))))),
            ("| a", A),
            ("a |", A),
            ("a || b", AnyOf((A, B))),
            ("a | + b", AllOf((A, B))),
            ("a ()", A),
            ("a -() b", AllOf((A, B))),
            ("a\\", A),
        ],
    )
    def test_the_rest_is_read(self, text: str, node: Node) -> None:
        assert parse(text) == node

    def test_deep_parentheses_are_passed_over(self) -> None:
        assert parse("(" * 5000 + "a b" + ")" * 5000) == AllOf((A, B))
        assert parse("(" * (DEEPEST_GROUP + 1) + "a | b") == AnyOf((A, B))

    @given(st.text(alphabet='ab" |+-*()~\\1é', max_size=40))
    def test_every_text_is_a_query(self, text: str) -> None:
        parse(text)

    def test_a_long_query_is_read_at_once(self) -> None:
        node = parse("a " * 20_000)
        assert isinstance(node, AllOf)
        assert len(node.nodes) == 20_000
