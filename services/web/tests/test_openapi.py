"""The OpenAPI document: complete, valid, and made from what routes say."""

from typing import Any

import pytest
from hweb.openapi import operation
from starlette.testclient import TestClient

METHODS = ("get", "post", "put", "patch", "delete")
BODILESS = {"annotation_flag", "annotation_hide", "annotation_reindex"}


@pytest.fixture
def document(client: TestClient) -> dict[str, Any]:
    values: dict[str, Any] = client.get("/api/openapi.json").json()
    return values


def operations(document: dict[str, Any]) -> list[dict[str, Any]]:
    return [item[method] for item in document["paths"].values() for method in METHODS if method in item]


def references(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*(references(value) for value in part.values()))
    if isinstance(part, list):
        return set().union(*(references(value) for value in part))
    return set()


class TestDocument:
    def test_every_operation_says_what_it_answers_and_who_may_ask(self, document: dict[str, Any]) -> None:
        for one in operations(document):
            assert one.keys() >= {"operationId", "description", "responses", "security"}, one["operationId"]
            assert one["responses"].keys() >= {"400", "503"}, one["operationId"]
            assert not one["responses"].keys() & {"422", "500"}, one["operationId"]

    def test_every_write_says_what_it_takes(self, document: dict[str, Any]) -> None:
        for item in document["paths"].values():
            for method in ("post", "put", "patch"):
                if method in item and item[method]["operationId"] not in BODILESS:
                    [content] = item[method]["requestBody"]["content"].values()
                    assert content["schema"], item[method]["operationId"]

    def test_its_references_lead_somewhere(self, document: dict[str, Any]) -> None:
        schemas = {f"#/components/schemas/{name}" for name in document["components"]["schemas"]}
        assert references(document) <= schemas

    def test_names_of_operations_are_unique(self, document: dict[str, Any]) -> None:
        names = [one["operationId"] for one in operations(document)]
        assert len(names) == len(set(names))

    def test_later_is_told_when(self, document: dict[str, Any]) -> None:
        for one in operations(document):
            for status in one["responses"].keys() & {"429", "503"}:
                assert "Retry-After" in one["responses"][status]["headers"]

    def test_credentials_that_are_asked_for_are_described(self, document: dict[str, Any]) -> None:
        known = document["components"]["securitySchemes"].keys()
        for one in operations(document):
            assert {name for way in one["security"] for name in way} <= known

    def test_only_a_badge_is_asked_for_with_the_cookie_alone(self, document: dict[str, Any]) -> None:
        assert [one["operationId"] for one in operations(document) if {"cookie": []} in one["security"]] == ["badge"]


class TestOperation:
    def test_an_answer_of_its_own_for_a_failure_stands(self) -> None:
        described = operation(also={400: ("No.", dict[str, int], "text/x")})["x-responses"]["400"]
        assert described["description"] == "No."
        assert list(described["content"]) == ["text/x"]
