"""What routes are given: connections, and who asks."""

import base64
from collections.abc import Callable
from typing import Any

import pytest
from fastapi import FastAPI
from hcommon.auth import Principal
from hcommon.errors import HError
from hcommon.models import User
from hcommon.testing.factories import make_access_token, make_user
from hweb import errors
from hweb.apilimits import ApiLimits
from hweb.deps import (
    MAX_CLIENT_ID_CHARS,
    ClientReadDep,
    ClientWriteDep,
    LinksDep,
    ReadDep,
    ResourcesDep,
    SearchDep,
    SettingsDep,
    WriteDep,
)
from hweb.resources import Resources
from hweb.responses import JSON
from sqlalchemy import func, select, text
from sqlalchemy.orm import Session
from starlette.responses import Response
from starlette.testclient import TestClient


@pytest.fixture
def given(resources: Resources) -> TestClient:
    app = FastAPI()
    app.state.resources = resources
    app.state.api_limits = ApiLimits(resources.redis, enabled=True)
    errors.install(app)

    @app.get("/api/read")
    def reading(read: ReadDep) -> Response:
        with read() as reader:
            one = reader.connection.execute(text("SELECT 1")).scalar_one()
            return JSON({"userid": reader.principal.userid, "now": reader.now, "one": one})

    @app.post("/api/write")
    def writing(write: WriteDep, *, fail: bool = False) -> Response:
        with write() as writer:
            make_user(writer.session, username="written")
            if fail:
                raise HError("no")
            values: dict[str, Any] = {"userid": writer.principal.userid, "now": writer.now}
            return JSON(values | {"client_id": writer.client_id})

    @app.get("/api/client")
    def client_reading(read: ClientReadDep) -> Response:
        with read() as reader:
            return JSON(who(reader.principal))

    @app.post("/api/client")
    def client_writing(write: ClientWriteDep) -> Response:
        with write() as writer:
            return JSON(who(writer.principal))

    def who(principal: Principal) -> dict[str, Any]:
        client = principal.client
        return {
            "userid": principal.userid,
            "client": client.authority if client else None,
            "admin": principal.admin or principal.staff,
        }

    @app.get("/api/held")
    async def held(held: ResourcesDep, settings: SettingsDep, search: SearchDep, links: LinksDep) -> Response:
        same = settings is held.settings and search is held.search and links is held.links
        return JSON(same)

    return TestClient(app)


class TestPrincipal:
    def test_without_a_token_nobody_asks(self, given: TestClient) -> None:
        assert given.get("/api/read").json()["userid"] is None

    @pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
    def test_a_token_says_who(self, given: TestClient, session: Session, scheme: str) -> None:
        token = make_access_token(session, user=make_user(session, username="ann"))
        for response in (
            given.get("/api/read", headers={"Authorization": f"{scheme} {token}"}),
            given.post("/api/write", headers={"Authorization": f"{scheme}  {token} "}),
        ):
            assert response.json()["userid"] == "acct:ann@example.org"

    @pytest.mark.parametrize("header", ["", "Bearer", "Bearer ", "Bearer x", "Bearer \xff", "Basic eDp5", "token"])
    def test_anything_else_is_anonymous_and_no_error(self, given: TestClient, header: str) -> None:
        response = given.get("/api/read", headers={"Authorization": header.encode("latin-1")})
        assert (response.status_code, response.json()["userid"]) == (200, None)

    def test_the_site_s_cookies_do_not_count(self, given: TestClient) -> None:
        given.cookies.set("session", "x")
        assert given.get("/api/read").json()["userid"] is None


NOBODY = {"userid": None, "client": None, "admin": False}


class TestClients:
    @pytest.fixture
    def answers(self, given: TestClient) -> Callable[[dict[str, str]], dict[str, Any]]:
        def ask(headers: dict[str, str]) -> dict[str, Any]:
            read, written = given.get("/api/client", headers=headers), given.post("/api/client", headers=headers)
            assert read.json() == written.json()
            values: dict[str, Any] = read.json()
            return values

        return ask

    def test_prove_themselves_with_their_secret(self, answers: Any, basic_auth: Any) -> None:
        assert answers(basic_auth("lms.test")) == NOBODY | {"client": "lms.test"}

    def test_act_for_a_user_of_theirs_whom_they_name(self, answers: Any, basic_auth: Any, session: Session) -> None:
        make_user(session, username="Al.Ice", authority="lms.test")
        headers = basic_auth("lms.test", user="acct:alice@lms.test")
        assert answers(headers) == NOBODY | {"client": "lms.test", "userid": "acct:Al.Ice@lms.test"}

    def test_carry_no_rights_of_administrators(self, answers: Any, basic_auth: Any, session: Session) -> None:
        make_user(session, username="root", admin=True, staff=True)
        assert answers(basic_auth(user="acct:root@example.org"))["admin"] is False

    @pytest.mark.parametrize(
        "userid", ["acct:alice@example.org", "acct:nobody@lms.test", "acct:gone@lms.test", "alice", "", "acct:@"]
    )
    def test_that_name_anybody_else_are_nobody(
        self, answers: Any, basic_auth: Any, session: Session, userid: str
    ) -> None:
        make_user(session, username="alice")
        make_user(session, username="gone", authority="lms.test", deleted=True)
        assert answers(basic_auth("lms.test", user=userid)) == NOBODY

    @pytest.mark.parametrize("columns", [{"grant_type": "jwt_bearer"}, {"secret_encrypted": None}])
    def test_of_another_kind_are_nobody(self, answers: Any, basic_auth: Any, columns: dict[str, Any]) -> None:
        assert answers(basic_auth(**columns)) == NOBODY

    @pytest.mark.parametrize(
        "credentials",
        [b"", b"x:y", b"\xff:\xff", b"00000000-0000-4000-8000-000000000000:secret", "known:wrong", "known:", "known"],
    )
    def test_with_wrong_credentials_are_nobody(self, answers: Any, basic_auth: Any, credentials: bytes | str) -> None:
        known = base64.b64decode(basic_auth()["Authorization"].removeprefix("Basic ")).partition(b":")[0]
        raw = credentials.encode().replace(b"known", known) if isinstance(credentials, str) else credentials
        assert answers({"Authorization": f"Basic {base64.b64encode(raw).decode()}"}) == NOBODY
        assert answers({"Authorization": "Basic %"}) == NOBODY

    def test_are_let_in_only_where_a_route_says_so(self, given: TestClient, basic_auth: Any, session: Session) -> None:
        make_user(session, username="alice")
        headers = basic_auth(user="acct:alice@example.org")
        assert given.get("/api/read", headers=headers).json()["userid"] is None
        assert given.post("/api/write", headers=headers).json()["userid"] is None

    def test_do_not_keep_tokens_out(self, answers: Any, session: Session) -> None:
        token = make_access_token(session, user=make_user(session, username="ann"))
        assert answers({"Authorization": f"Bearer {token}"})["userid"] == "acct:ann@example.org"


class TestReadAndWrite:
    def test_a_reader_has_a_connection_and_the_time(self, given: TestClient) -> None:
        assert given.get("/api/read").json() == {
            "userid": None,
            "now": "2026-01-02T03:04:05.678901+00:00",
            "one": 1,
        }

    def written(self, session: Session) -> int | None:
        return session.scalar(select(func.count(User.id)).where(User.username == "written"))

    def test_a_write_is_committed_when_its_block_ends(self, given: TestClient, session: Session) -> None:
        assert given.post("/api/write").status_code == 200
        assert self.written(session) == 1

    def test_a_failed_write_leaves_nothing(self, given: TestClient, session: Session) -> None:
        assert given.post("/api/write?fail=true").status_code == 400
        assert self.written(session) == 0

    @pytest.mark.parametrize(
        ("sent", "known"), [(None, None), ("", None), ("tab-1", "tab-1"), ("x" * 5000, "x" * MAX_CLIENT_ID_CHARS)]
    )
    def test_the_browser_tab_is_known_by_its_id(self, given: TestClient, sent: str | None, known: str | None) -> None:
        headers = {} if sent is None else {"X-Client-Id": sent}
        assert given.post("/api/write", headers=headers).json()["client_id"] == known


class TestResources:
    def test_are_the_process_s_own(self, given: TestClient) -> None:
        assert given.get("/api/held").json() is True
