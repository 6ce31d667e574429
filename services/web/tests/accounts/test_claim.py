"""The one-time link of the first administrator."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hcommon.db.engine import Database
from hcommon.models import User
from hcommon.testing.clock import FrozenClock
from hcommon.testing.factories import make_user
from hweb.accounts import passwords, service
from hweb.accounts.schemas import NewAccount
from hweb.accounts.service import AdminExistsError
from hweb.resources import Resources
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

FORM = {"username": "admin", "email": "root@example.net", "password": "long enough"}


@pytest.fixture
def link(resources: Resources) -> str:
    return "/claim-admin/" + resources.keys.sign("claim-admin", "first")


class TestClaim:
    def test_makes_an_administrator_who_is_signed_in(
        self, client: TestClient, submit: Callable[..., Any], session: Session, link: str, clock: FrozenClock
    ) -> None:
        answer = submit(link, FORM)
        assert (answer.status_code, answer.headers["location"]) == (302, "/")
        [user] = session.scalars(select(User))
        assert (user.username, user.email, user.admin) == ("admin", "root@example.net", True)
        assert user.activated_at == clock.now()
        assert passwords.is_right(user.password_hash, "long enough")
        assert client.get("/login").status_code == 302

    def test_works_once(self, client: TestClient, submit: Callable[..., Any], link: str) -> None:
        submit(link, FORM)
        assert client.get(link).status_code == 404

    def test_finds_out_that_somebody_was_faster(
        self, client: TestClient, submit: Callable[..., Any], session: Session, link: str
    ) -> None:
        shown = client.get(link).text
        make_user(session, username="root", admin=True)
        token = shown.split('name="csrf_token" value="')[1].split('"')[0]
        assert client.post(link, data=FORM | {"csrf_token": token}).status_code == 404

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [({"username": "a b"}, "Use 3 to 30"), ({"email": "x"}, "Must be an e-mail"), ({"password": "x"}, "at least")],
    )
    def test_explains_what_is_wrong(
        self, submit: Callable[..., Any], link: str, changes: dict[str, str], problem: str
    ) -> None:
        answer = submit(link, FORM | changes)
        assert answer.status_code == 400
        assert problem in answer.text
        assert "long enough" not in answer.text

    @pytest.mark.parametrize(
        ("existing", "problem"),
        [({"username": "Ad.min"}, "named admin"), ({"email": "ROOT@example.net"}, "root@example.net already")],
    )
    def test_takes_nobody_s_name_or_address(
        self, submit: Callable[..., Any], session: Session, link: str, existing: dict[str, str], problem: str
    ) -> None:
        make_user(session, **existing)
        answer = submit(link, FORM)
        assert answer.status_code == 400
        assert problem in answer.text

    def test_by_two_at_once_makes_one_administrator(self, fresh_database: Database, clock: FrozenClock) -> None:
        barrier, outcomes = threading.Barrier(2), []

        def claim(name: str) -> None:
            new = NewAccount(name, f"{name}@example.net", "long enough")
            barrier.wait(timeout=10)
            try:
                with fresh_database.transaction() as session:
                    service.create_first_admin(
                        session, new=new, password_hash="x", authority="example.org", now=clock.now()
                    )
                outcomes.append("made")
            except AdminExistsError:
                outcomes.append("exists")

        threads = [threading.Thread(target=claim, args=(name,)) for name in ("first", "second")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(outcomes) == ["exists", "made"]

    def test_is_ours_alone(self, client: TestClient, resources: Resources, clock: FrozenClock) -> None:
        assert client.get("/claim-admin/x.y").status_code == 400
        code = resources.keys.sign("claim-admin", "first", expires_at=clock.now())
        clock.advance(seconds=2)
        assert client.get(f"/claim-admin/{code}").status_code == 400
