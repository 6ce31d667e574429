"""Indexing one annotation at once, for tests of clients."""

from dataclasses import replace

import pytest
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.testing.factories import make_annotation, make_user
from hweb.app import create_app
from hweb.resources import Resources
from sqlalchemy.orm import Session
from starlette.testclient import TestClient


@pytest.fixture
def developing(resources: Resources) -> TestClient:
    settings = resources.settings.model_copy(update={"dev": True})
    return TestClient(create_app(replace(resources, settings=settings)), base_url="http://example.org")


class TestReindex:
    def test_lets_searches_find_an_annotation(self, developing: TestClient, session: Session) -> None:
        annotation = make_annotation(session, user=make_user(session), text="a rare word: zymurgy")
        shown = annotation_id_to_urlsafe(annotation.id)
        assert developing.get("/api/search?any=zymurgy").json()["total"] == 0
        answer = developing.post(f"/api/annotations/{shown}/reindex")
        assert (answer.status_code, answer.json()) == (200, {"id": shown, "indexed": True})
        assert developing.get("/api/search?any=zymurgy").json()["total"] == 1

    def test_of_what_is_not_there_is_refused(self, developing: TestClient, session: Session) -> None:
        gone = make_annotation(session, user=make_user(session), deleted=True)
        for shown in ("x", "A" * 22, annotation_id_to_urlsafe(gone.id)):
            assert developing.post(f"/api/annotations/{shown}/reindex").status_code == 404

    def test_is_not_there_in_production(self, client: TestClient, session: Session) -> None:
        annotation = make_annotation(session, user=make_user(session))
        shown = annotation_id_to_urlsafe(annotation.id)
        assert client.post(f"/api/annotations/{shown}/reindex").status_code == 404
