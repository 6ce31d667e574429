"""Annotations as JSON-LD."""

from typing import Any

import pytest
from hcommon.ids import annotation_id_from_urlsafe
from hcommon.models import Annotation
from sqlalchemy import update
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

Person = Any  # what the fixtures of conftest.py give
URI = "https://example.com/page"


def selectors_of(client: TestClient, alice: Person, *selectors: dict[str, Any]) -> list[dict[str, Any]] | None:
    created = alice.share(target=[{"selector": list(selectors)}])
    [target] = client.get(f"{alice.path(created)}.jsonld").json()["target"]
    found: list[dict[str, Any]] | None = target.get("selector")
    return found


def xpath(value: str, start: int, end: int) -> dict[str, Any]:
    position = {"type": "TextPositionSelector", "start": start, "end": end}
    return {"type": "XPathSelector", "value": value, "refinedBy": position}


class TestAnnotation:
    def test_is_complete(self, client: TestClient, alice: Person) -> None:
        created = alice.share(text="*note*", tags=["a", "b"])
        response = client.get(f"{alice.path(created)}.jsonld")
        assert response.status_code == 200
        expected = 'application/ld+json; charset=UTF-8; profile="http://www.w3.org/ns/anno.jsonld"'
        assert response.headers["Content-Type"] == expected
        assert response.json() == {
            "@context": "http://www.w3.org/ns/anno.jsonld",
            "type": "Annotation",
            "id": f"http://example.org/a/{created['id']}",
            "created": created["created"],
            "modified": created["updated"],
            "creator": "acct:alice@example.org",
            "body": [
                {"type": "TextualBody", "value": "*note*", "format": "text/markdown"},
                {"type": "TextualBody", "value": "a", "purpose": "tagging"},
                {"type": "TextualBody", "value": "b", "purpose": "tagging"},
            ],
            "target": [{"source": URI}],
        }

    def test_is_found_by_those_who_may_read_it(self, client: TestClient, alice: Person, bob: Person) -> None:
        path = f"{alice.path(alice.create())}.jsonld"
        assert alice.request("GET", path).status_code == 200
        assert bob.request("GET", path).status_code == 404
        assert client.get(path).status_code == 404
        assert client.get("/api/annotations/nothing.jsonld").status_code == 404


class TestSelectors:
    def test_others_stay_as_they_are(self, client: TestClient, alice: Person) -> None:
        quote = {"type": "TextQuoteSelector", "exact": "x", "own": [1]}
        assert selectors_of(client, alice, quote) == [quote]

    def test_a_range_within_a_container_is_refined_by_a_position(self, client: TestClient, alice: Person) -> None:
        selector = {
            "type": "RangeSelector",
            "startContainer": "/p",
            "startOffset": 1,
            "endContainer": "/p",
            "endOffset": 5,
        }
        assert selectors_of(client, alice, selector) == [xpath("/p", 1, 5)]

    def test_a_range_across_containers_has_two_ends(self, client: TestClient, alice: Person) -> None:
        selector = {
            "type": "RangeSelector",
            "startContainer": "/p",
            "startOffset": 1,
            "endContainer": "/q",
            "endOffset": 5,
        }
        [converted] = selectors_of(client, alice, selector) or []
        assert converted == {
            "type": "RangeSelector",
            "startSelector": xpath("/p", 1, 1),
            "endSelector": xpath("/q", 5, 5),
        }

    @pytest.mark.parametrize("missing", ["startContainer", "startOffset", "endContainer", "endOffset"])
    def test_an_incomplete_range_is_left_out(self, client: TestClient, alice: Person, missing: str) -> None:
        selector = {
            "type": "RangeSelector",
            "startContainer": "/p",
            "startOffset": 1,
            "endContainer": "/q",
            "endOffset": 5,
        }
        del selector[missing]
        assert selectors_of(client, alice, selector) is None

    def test_one_without_a_type_is_left_out(self, client: TestClient, alice: Person, session: Session) -> None:
        created = alice.share(target=[{"selector": [{"type": "X"}]}])
        imported = update(Annotation).where(Annotation.id == annotation_id_from_urlsafe(created["id"]))
        session.execute(imported.values(target_selectors='[{"exact":"x"},"odd",{"type":"X"}]'))
        [target] = client.get(f"{alice.path(created)}.jsonld").json()["target"]
        assert target["selector"] == [{"type": "X"}]
