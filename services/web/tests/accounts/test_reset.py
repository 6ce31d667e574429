"""A forgotten password, and the mailed link to a new one."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from hcommon.events.accounts import GrantRevoked, PasswordResetRequested
from hcommon.models import Grant, User
from hcommon.testing.factories import make_access_token, make_user, recorded_events
from hweb.accounts import passwords
from hweb.resources import Resources
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

NEW = {"password": "brand-new secret", "confirmation": "brand-new secret"}


@pytest.fixture
def ann(session: Session) -> User:
    return make_user(session, username="ann", password_hash=passwords.hash_password("the old one"))


@pytest.fixture
def link_of(resources: Resources) -> Callable[..., str]:
    def link_of(user: User, *, email: str | None = None) -> str:
        changed = user.password_changed_at.timestamp() if user.password_changed_at else None
        value = [user.id, email or user.email, changed]
        return "/account/reset/" + resources.keys.sign(
            "reset-password", value, expires_at=resources.clock.now() + timedelta(hours=24)
        )

    return link_of


class TestForgotPassword:
    def test_the_link_is_mailed(self, submit: Any, session: Session, ann: User) -> None:
        answer = submit("/forgot-password", {"email": " ANN@example.org "})
        assert (answer.status_code, answer.headers["location"]) == (302, "/account/reset")
        [event] = recorded_events(session)
        assert isinstance(event, PasswordResetRequested)
        assert event.user_id == ann.id

    @pytest.mark.parametrize("email", ["eve@example.org", "ann@example.net"])
    def test_nobody_learns_who_has_an_account(self, submit: Any, session: Session, ann: User, email: str) -> None:
        answer = submit("/forgot-password", {"email": email})
        assert (answer.status_code, answer.headers["location"]) == (302, "/account/reset")
        assert recorded_events(session) == []

    def test_an_account_makes_no_other_steps_than_none(self, submit: Any, ann: User, resources: Resources) -> None:
        assert ann.email == "ann@example.org"
        counted = []
        for email in ("ann@example.org", "eve@example.org"):
            resources.redis.flushdb()
            submit("/forgot-password", {"email": email})
            counted.append(len(resources.redis.keys()))
        assert counted == [2, 2]

    def test_a_deleted_account_gets_no_mail(self, submit: Any, session: Session, ann: User) -> None:
        ann.deleted = True
        session.flush()
        assert submit("/forgot-password", {"email": "ann@example.org"}).status_code == 302
        assert recorded_events(session) == []

    @pytest.mark.parametrize("email", ["", "ann", "a b@example.org", "x" * 200 + "@example.org"])
    def test_what_is_no_address_is_told(self, submit: Any, email: str) -> None:
        answer = submit("/forgot-password", {"email": email})
        assert answer.status_code == 400
        assert "Must be an e-mail address" in answer.text

    def test_an_account_is_mailed_three_times_an_hour_and_the_answer_stays_the_same(
        self, submit: Any, session: Session, ann: User
    ) -> None:
        for _ in range(5):
            assert submit("/forgot-password", {"email": "ann@example.org"}).headers["location"] == "/account/reset"
        assert len(recorded_events(session)) == 3

    def test_an_address_asks_only_so_often(self, submit: Any) -> None:
        statuses = [submit("/forgot-password", {"email": "x@example.org"}).status_code for _ in range(31)]
        assert statuses == [302] * 30 + [429]

    def test_the_next_page_says_to_look_for_mail(self, client: TestClient) -> None:
        assert "Check your e-mail" in client.get("/account/reset").text

    def test_only_our_own_page_may_ask(self, client: TestClient, session: Session, ann: User) -> None:
        assert client.post("/forgot-password", data={"email": "ann@example.org"}).status_code == 403
        assert recorded_events(session) == []


class TestReset:
    def test_sets_the_password_and_leads_to_the_login(
        self, client: TestClient, submit: Any, session: Session, ann: User, link_of: Callable[..., str]
    ) -> None:
        answer = submit(link_of(ann), NEW)
        assert (answer.status_code, answer.headers["location"]) == (302, "/login?username=ann&reset=1")
        assert passwords.is_right(session.scalar(select(User.password_hash)), "brand-new secret")
        assert "Your password is changed" in client.get(answer.headers["location"]).text

    def test_ends_all_sessions_and_grants(
        self,
        *,
        client: TestClient,
        submit: Any,
        sign_in: Callable[[int], None],
        session: Session,
        resources: Resources,
        ann: User,
        link_of: Callable[..., str],
    ) -> None:
        make_access_token(session, user=ann)
        sign_in(ann.id)
        submit(link_of(ann), NEW)
        assert client.get("/account/settings").headers["location"].startswith("/login")
        assert session.scalars(select(Grant)).all() == []
        assert [type(event) for event in recorded_events(session)] == [GrantRevoked]

    def test_works_once(
        self, client: TestClient, submit: Any, session: Session, ann: User, link_of: Callable[..., str]
    ) -> None:
        link = link_of(ann)
        submit(link, NEW)
        session.expire_all()
        assert client.get(link).status_code == 404
        assert "used already" in client.get(link).text

    def test_activates_an_account_whose_address_it_proves(
        self, submit: Any, session: Session, link_of: Callable[..., str], resources: Resources
    ) -> None:
        bob = make_user(session, username="bob", activated_at=None)
        submit(link_of(bob), NEW)
        assert session.scalar(select(User.activated_at)) == resources.clock.now()

    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"password": "short", "confirmation": "short"}, "at least 8"),
            ({"confirmation": "another one"}, "not the same"),
            ({"confirmation": ""}, "not the same"),
        ],
    )
    def test_explains_what_is_wrong_and_repeats_no_password(
        self,
        *,
        submit: Any,
        session: Session,
        ann: User,
        link_of: Callable[..., str],
        changes: dict[str, str],
        problem: str,
    ) -> None:
        answer = submit(link_of(ann), NEW | changes)
        assert answer.status_code == 400
        assert problem in answer.text
        assert "brand-new secret" not in answer.text
        assert passwords.is_right(session.scalar(select(User.password_hash)), "the old one")

    def test_expires(self, client: TestClient, ann: User, link_of: Callable[..., str], resources: Any) -> None:
        link = link_of(ann)
        assert client.get(link).status_code == 200
        resources.clock.advance(hours=25)
        assert client.get(link).status_code == 404

    def test_is_void_for_another_address(self, client: TestClient, ann: User, link_of: Callable[..., str]) -> None:
        assert client.get(link_of(ann, email="old@example.org")).status_code == 404

    @pytest.mark.parametrize("code", ["x", "x.y", "é"])
    def test_what_is_not_ours_is_not_found(self, client: TestClient, code: str) -> None:
        assert client.get(f"/account/reset/{code}").status_code == 404

    @pytest.mark.parametrize("value", [None, [1], ["1", "a", None], {"a": 1}])
    def test_what_is_signed_but_no_account_is_not_found(
        self, client: TestClient, resources: Resources, value: object
    ) -> None:
        assert client.get("/account/reset/" + resources.keys.sign("reset-password", value)).status_code == 404

    def test_the_code_stays_out_of_the_log_and_of_caches(
        self, client: TestClient, ann: User, link_of: Callable[..., str], capsys: pytest.CaptureFixture[str]
    ) -> None:
        link = link_of(ann)
        headers = client.get(link).headers
        assert (headers["cache-control"], headers["referrer-policy"]) == ("no-store", "no-referrer")
        assert link.rpartition("/")[2] not in capsys.readouterr().out
