"""What routes are given: connections, and who asks."""

from typing import Any

import pytest
from fastapi import FastAPI
from hcommon.errors import HError
from hcommon.models import User
from hcommon.testing.factories import make_access_token, make_user
from hweb import errors
from hweb.deps import (
    MAX_CLIENT_ID_CHARS,
    ClockDep,
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

    @app.get("/api/held")
    async def held(
        held: ResourcesDep, settings: SettingsDep, clock: ClockDep, search: SearchDep, links: LinksDep
    ) -> Response:
        same = settings is held.settings and clock is held.clock and search is held.search and links is held.links
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
