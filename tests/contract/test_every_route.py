"""One answer of every operation in the OpenAPI document; of the tokens' every grant, and every kind of failure.

Source: specification of the API, sections 1 to 3 and 12a.
"""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import jwt
import pytest
from hcommon.models import AuthClient
from hcommon.testing.factories import make_user
from hweb.oauth import service
from hweb.resources import Resources
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

from tests.contract.cases import CASES, OAUTH_FAILURE, TOKENS, Case, World, document, operations
from tests.contract.shapes import Optional
from tests.contract.test_shapes import (
    ANNOTATION,
    FAILURE,
    PAGE,
    assert_shape,
)


class TestRoutes:
    @pytest.mark.parametrize("name", sorted(CASES))
    def test_answers(self, client: TestClient, session: Session, application: dict[str, str], name: str) -> None:
        case = CASES[name]
        answer = World(client, session, application).answer(case)
        assert_shape(answer, [case.shape] if case.lines else case.shape)
        if isinstance(answer, list):
            assert answer

    def test_none_is_left_out(self) -> None:
        assert operations().keys() == CASES.keys()

    def test_of_what_may_have_keys_of_its_author_the_document_names_all_the_others(self) -> None:
        assert document()["components"]["schemas"]["Annotation"]["properties"].keys() == ANNOTATION.keys()


class TestTokens:
    SECRET = "a secret of the LMS, long enough for HS256 and for HS512, which needs 64 bytes"

    @pytest.fixture
    def make_client(self, session: Session, resources: Resources) -> Callable[..., AuthClient]:
        def make(**columns: Any) -> AuthClient:
            made = AuthClient(
                id=uuid4(),
                name="Reader",
                authority="example.org",
                trusted=True,
                created=resources.clock.now(),
                secret_encrypted=resources.keys.encrypt("authclient", self.SECRET),
                **columns,
            )
            session.add(made)
            session.flush()
            return made

        return make

    def test_for_a_code_and_for_a_refresh_token(
        self, client: TestClient, session: Session, make_client: Callable[..., AuthClient], resources: Resources
    ) -> None:
        reader = make_client(grant_type="authorization_code", redirect_uri="https://reader.test/")
        given = {"code": "c" * 30, "redirect_uri": None, "code_challenge": None, "browser_session": None}
        user_id = make_user(session).id
        service.save_code(session, client_id=reader.id, user_id=user_id, now=resources.clock.now(), **given)
        known = {"client_id": str(reader.id), "client_secret": self.SECRET}
        form = {"grant_type": "authorization_code", "code": given["code"]}
        tokens = client.post("/api/token", data=form | known).json()
        assert_shape(tokens, TOKENS)
        form = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
        assert_shape(client.post("/api/token", data=form | known).json(), TOKENS)

    def test_for_an_assertion(
        self, client: TestClient, session: Session, make_client: Callable[..., AuthClient], resources: Resources
    ) -> None:
        lms = make_client(grant_type="jwt_bearer", redirect_uri=None)
        user, now = make_user(session), resources.clock.now()
        claims = {"iss": str(lms.id), "sub": f"acct:{user.username}@example.org", "aud": "example.org"}
        claims |= {"nbf": now, "exp": now + timedelta(minutes=5)}
        form = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer"}
        form["assertion"] = jwt.encode(claims, self.SECRET, "HS256")
        assert_shape(client.post("/api/token", data=form).json(), TOKENS)

    @pytest.mark.parametrize(
        ("form", "status", "error"),
        [
            ({}, 400, "unsupported_grant_type"),
            ({"grant_type": "password"}, 400, "unsupported_grant_type"),
            ({"grant_type": "refresh_token"}, 400, "invalid_request"),
            ({"grant_type": "refresh_token", "refresh_token": "4657-x"}, 400, "invalid_grant"),
            ({"grant_type": "authorization_code", "code": "x", "client_id": "x"}, 401, "invalid_client"),
            ({"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "x"}, 400, "invalid_grant"),
        ],
    )
    def test_refused(self, client: TestClient, form: dict[str, str], status: int, error: str) -> None:
        answer = client.post("/api/token", data=form)
        assert_shape(answer.json(), OAUTH_FAILURE | {"error": error})
        assert answer.status_code == status

    def test_none_to_revoke_and_none_to_look_at(self, client: TestClient) -> None:
        assert_shape(client.post("/oauth/revoke", data={"x": "y"}).json(), OAUTH_FAILURE)
        answer = client.get("/api/debug-token")
        assert answer.status_code == 401
        assert_shape(answer.json(), {"error": "missing_token", "error_description": str})


class TestFailures:
    @pytest.mark.parametrize(
        "case",
        [
            Case("GET", "/api/search?limit=x", FAILURE, status=400),
            Case("POST", "/api/annotations", FAILURE, status=400, body={"uri": ""}),
            Case("POST", "/api/annotations", FAILURE, status=400, text="{"),
            Case("POST", "/api/annotations", FAILURE, status=404, who="nobody", body={"uri": PAGE}),
            Case("POST", "/api/annotations", FAILURE, status=413, body={"uri": PAGE, "text": "x" * 4_200_000}),
            Case("GET", "/api/annotations/AAAAAAAAAAAAAAAAAAAAAA", FAILURE, status=404),
            Case("POST", "/api/bulk/group", FAILURE, status=404, body={"filter": {}}),
            Case("POST", "/api/bulk/group", FAILURE, status=400, who="application", body={"filter": {}}),
            Case(
                "PATCH",
                "/api/annotations/{note}/moderation",
                FAILURE,
                status=409,
                body={"moderation_status": "DENIED", "annotation_updated": "2000-01-01T00:00:00+00:00"},
            ),
            Case("GET", "/api/badge", FAILURE, status=400),
        ],
        ids=lambda case: f"{case.path} {case.status}",
    )
    def test_have_a_status_and_a_reason(
        self, client: TestClient, session: Session, application: dict[str, str], case: Case
    ) -> None:
        assert_shape(World(client, session, application).answer(case), case.shape)

    def test_of_jobs_name_the_line(self, client: TestClient, application: dict[str, str]) -> None:
        error = {"code": str, "title": str, "detail": str, "meta": dict, "status": "400"}
        answer = client.post("/api/bulk", content=b"{", headers=application)
        assert_shape(answer.json(), {"errors": [error | {"source": Optional({"pointer": str})}]})
