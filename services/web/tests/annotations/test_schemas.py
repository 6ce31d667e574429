"""What bodies may say, how problems are told, and that nothing anybody sends is a failure of ours."""

from typing import Any

import pytest
from hcommon.errors import ErrorKind
from hcommon.testing.examples import examples
from hweb.annotations import checks, schemas
from hweb.annotations.checks import InvalidAnnotationError, TooLargeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

Person = Any  # what the fixtures of conftest.py give
URI = "https://example.com/page"
A_REFERENCE = "AZuGJQxNf0mAAAAAAAAAAA"

json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from(
        ["acct:x", "group:__world__", "__world__", "http://x:y/", "http://[", "doi:10.1000/x", "\x00", A_REFERENCE]
    ),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)


def of(**known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Return objects that mostly have the right keys, and mostly wrong values for them."""
    return st.fixed_dictionaries({}, optional=known) | json_values


bodies = st.fixed_dictionaries(
    {},
    optional={
        "uri": st.just(URI) | st.text() | json_values,
        "text": st.text() | json_values,
        "tags": st.lists(st.text()) | json_values,
        "group": st.just("__world__") | json_values,
        "permissions": of(read=st.lists(json_values), update=json_values),
        "references": st.lists(st.just(A_REFERENCE) | json_values),
        "target": st.lists(of(description=json_values, selector=st.lists(of(type=st.text(), exact=json_values)))),
        "document": of(
            title=json_values,
            link=st.lists(of(href=st.text() | json_values, rel=json_values, type=json_values)),
            dc=of(identifier=st.lists(json_values)),
            highwire=of(doi=st.lists(json_values), pdf_url=st.lists(json_values)),
            version=json_values,
        ),
        "metadata": json_values,
        "extra": json_values,
    },
) | st.dictionaries(st.text(), json_values, max_size=3)


def problem(body: dict[str, Any]) -> str:
    """Return the reason why a body, right but for this, can't be created."""
    with pytest.raises(InvalidAnnotationError) as caught:
        schemas.new_annotation({"uri": URI} | body)
    return caught.value.reason


class TestProblems:
    @pytest.mark.parametrize(
        ("body", "path"),
        [
            ({"uri": None}, "uri"),
            ({"uri": ""}, "uri"),
            ({"uri": "  "}, "uri"),
            ({"uri": "http://example.com:port/"}, "uri"),
            ({"uri": "http://[::1"}, "uri"),
            ({"uri": "urn:\x00"}, "uri"),
            ({"uri": "x" * (schemas.MAX_URI_CHARS + 1)}, "uri"),
            ({"text": None}, "text"),
            ({"text": 5}, "text"),
            ({"text": "a\x00b"}, "text"),
            ({"tags": "x"}, "tags"),
            ({"tags": [1]}, "tags.0"),
            ({"tags": ["", "a\x00"]}, "tags.1"),
            ({"tags": ["x" * 1001]}, "tags.0"),
            ({"tags": ["x"] * 1001}, "tags"),
            ({"group": None}, "group"),
            ({"group": "a\x00"}, "group"),
            ({"permissions": []}, "permissions"),
            ({"permissions": {}}, "permissions.read"),
            ({"permissions": {"read": None}}, "permissions.read"),
            ({"permissions": {"read": ["x"]}}, "permissions.read.0"),
            ({"permissions": {"read": ["acct:"]}}, "permissions.read.0"),
            ({"permissions": {"read": [], "update": [[]]}}, "permissions.update.0"),
            ({"references": "x"}, "references"),
            ({"references": [A_REFERENCE, "x"]}, "references.1"),
            ({"references": [5]}, "references.0"),
            ({"references": [A_REFERENCE] * 1001}, "references"),
            ({"target": {}}, "target"),
            ({"target": ["x"]}, "target.0"),
            ({"target": [{}] * 101}, "target"),
            ({"target": [{"description": 1}]}, "target.0.description"),
            ({"target": [{"description": "x" * 5001}]}, "target.0.description"),
            ({"target": [{"description": "\x00"}]}, "target.0.description"),
            ({"target": [{"selector": {}}]}, "target.0.selector"),
            ({"target": [{"selector": [1]}]}, "target.0.selector.0"),
            ({"target": [{"selector": [{}]}]}, "target.0.selector.0.type"),
            ({"target": [{"selector": [{"type": None}]}]}, "target.0.selector.0.type"),
            ({"target": [{}, {"selector": [{}]}]}, "target.1.selector.0.type"),
            ({"target": [{"selector": [{"type": "x"}] * 1001}]}, "target.0.selector"),
            ({"document": None}, "document"),
            ({"document": {"link": {}}}, "document.link"),
            ({"document": {"link": [{}]}}, "document.link.0.href"),
            ({"document": {"link": [{"href": "x" * 3001}]}}, "document.link.0.href"),
            ({"document": {"link": [{"href": "x", "type": 1}]}}, "document.link.0.type"),
            ({"document": {"dc": "x"}}, "document.dc"),
            ({"document": {"dc": {"identifier": "10.1000/x"}}}, "document.dc.identifier"),
            ({"document": {"highwire": {"doi": "10.1000/x"}}}, "document.highwire.doi"),
            ({"document": {"highwire": {"pdf_url": [1]}}}, "document.highwire.pdf_url.0"),
            ({"document": {"version": -1}}, "document.version"),
            ({"document": {"version": "1"}}, "document.version"),
            ({"document": {"version": True}}, "document.version"),
            ({"document": {"version": 2**31}}, "document.version"),
            ({"metadata": "x"}, "metadata"),
        ],
    )
    def test_name_their_place(self, body: dict[str, Any], path: str) -> None:
        reason = problem(body)
        assert reason.startswith(f"{path}: ")
        assert ", " not in reason

    def test_several_are_joined(self) -> None:
        with pytest.raises(InvalidAnnotationError) as caught:
            schemas.new_annotation({"text": 1, "tags": [2]})
        assert [part.split(":")[0] for part in caught.value.reason.split(", ")] == ["uri", "text", "tags.0"]

    def test_their_number_ends(self) -> None:
        reason = problem(
            {
                "tags": [1] * 1000,
                "references": ["x"] * 1000,
                "permissions": {"read": [1] * 1000},
                "document": {"link": [1] * 1000},
                "target": [{"selector": [1] * 1000}],
            }
        )
        assert reason.count(": ") == checks.MAX_PROBLEMS

    def test_an_update_needs_nothing(self) -> None:
        change = schemas.annotation_change({})
        assert change.uri is None
        assert change.content == schemas.Content(None, None, None, None, None, None, None, {})

    def test_an_update_looks_at_what_it_changes(self) -> None:
        with pytest.raises(InvalidAnnotationError, match=r"^uri: "):
            schemas.annotation_change({"uri": ""})
        schemas.annotation_change({"group": 5, "references": 5, "mentions": 5})


class TestLimits:
    def test_very_long_texts_fit(self, alice: Person) -> None:
        assert len(alice.create(text="x" * 2_000_000)["text"]) == 2_000_000

    def test_longer_texts_are_too_large(self, alice: Person) -> None:
        response = alice.request(
            "POST", "/api/annotations", json={"uri": URI, "text": "x" * (schemas.MAX_TEXT_CHARS + 1)}
        )
        assert response.status_code == 413
        assert response.json()["reason"].startswith("text: ")

    def test_long_addresses_fit(self, alice: Person) -> None:
        for uri in ("https://example.com/" + "x" * 5000, "urn:" + "\U0001d11e" * 5000, "javascript:alert(1)"):
            assert alice.create(uri=uri)["uri"] == uri

    def test_all_allowed_tags_fit(self, alice: Person) -> None:
        tags = [f"{number:0500}" * 2 for number in range(schemas.MAX_TAGS)]
        assert alice.create(tags=tags)["tags"] == tags

    @pytest.mark.parametrize("place", ["target", "metadata", "mine"])
    def test_json_that_is_kept_has_limits(self, alice: Person, place: str) -> None:
        def body(value: Any) -> dict[str, Any]:
            if place == "target":
                return {"target": [{"selector": [{"type": "x", "value": value}]}]}
            return {place: {"value": value}}

        deep: list[Any] = []
        for _ in range(checks.MAX_JSON_DEPTH):
            deep = [deep]
        alice.create(**body(deep[0][0][0]))
        assert "levels" in alice.refused(uri=URI, **body(deep))
        large = alice.request("POST", "/api/annotations", json={"uri": URI} | body("x" * checks.MAX_JSON_BYTES))
        assert large.status_code == 413

    def test_own_keys_cannot_grow_for_ever(self, alice: Person) -> None:
        created = alice.create(a="x" * (checks.MAX_JSON_BYTES // 2))
        response = alice.request("PATCH", alice.path(created), json={"b": "x" * (checks.MAX_JSON_BYTES // 2)})
        assert response.status_code == 413
        assert TooLargeError.kind is ErrorKind.TOO_LARGE


class TestAnything:
    @given(bodies)
    def test_is_parsed_or_refused(self, body: dict[str, Any]) -> None:
        for parse in (schemas.new_annotation, schemas.annotation_change):
            try:
                parse(body)
            except (InvalidAnnotationError, TooLargeError) as error:
                assert error.reason  # noqa: PT017 - both outcomes are right

    @given(bodies)
    @settings(max_examples=examples(150), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    def test_is_no_failure_of_ours(self, alice: Person, session: Session, body: dict[str, Any]) -> None:
        created = alice.request("POST", "/api/annotations", json=body)
        assert created.status_code in (200, 400)
        existing = created.json() if created.status_code == 200 else alice.create()
        changed = alice.request("PATCH", alice.path(existing), json=body)
        assert changed.status_code in (200, 400)
        if changed.status_code == 200:
            assert alice.read(existing) == changed.json()
