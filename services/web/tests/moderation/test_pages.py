"""The page of a group's queue."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from hcommon.ids import annotation_id_to_urlsafe
from hcommon.models import Annotation, Flag, Group, User
from hcommon.models.group import Role
from hcommon.testing.clock import START
from hcommon.testing.factories import add_member, make_annotation, make_group, make_user
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

SignIn = Callable[[int], None]
Submit = Callable[..., Any]


@pytest.fixture
def moderator(session: Session, sign_in: SignIn) -> User:
    user = make_user(session, username="maria")
    sign_in(user.id)
    return user


@pytest.fixture
def club(session: Session, moderator: User) -> Group:
    group = make_group(session, name="Book club")
    add_member(session, group=group, user=moderator, role=Role.MODERATOR)
    return group


@pytest.fixture
def pending(session: Session, club: Group) -> Annotation:
    author = make_user(session, username="bob")
    add_member(session, group=club, user=author)
    return make_annotation(session, user=author, group=club, text="<b>Read me</b>", moderation_status="PENDING")


def path(group: Group) -> str:
    return f"/groups/{group.pubid}/moderate"


def fields(shown: str, **values: str) -> dict[str, str]:
    names = ("id", "annotation_updated", "current_moderation_status")
    found = {name: re.findall(rf'name="{name}" value="([^"]+)"', shown)[0] for name in names}
    return {name: value.replace("&#43;", "+") for name, value in found.items()} | values


class TestQueue:
    def test_shows_what_waits_as_plain_text(
        self, client: TestClient, session: Session, club: Group, pending: Annotation
    ) -> None:
        session.add(Flag(annotation_id=pending.id, user_id=pending.user_id, created=START))
        session.flush()
        shown = client.get(path(club)).text
        assert "&lt;b&gt;Read me" in shown
        assert "reported 1 time" in shown
        assert annotation_id_to_urlsafe(pending.id) in shown
        assert "Read me" not in client.get(f"{path(club)}?status=SPAM").text
        assert "Moderate" in client.get(f"/groups/{club.pubid}/book-club").text

    def test_a_verdict_takes_it_out(
        self, client: TestClient, session: Session, club: Group, pending: Annotation, *, submit: Submit
    ) -> None:
        given = fields(client.get(path(club)).text, moderation_status="APPROVED")
        answer = submit(path(club), given)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{path(club)}?status=PENDING")
        session.expire_all()
        assert pending.moderation_status == "APPROVED"
        assert "0 annotations" in client.get(path(club)).text
        assert "Nothing waits" in client.get(path(club)).text

    def test_a_verdict_that_comes_too_late_shows_the_queue_as_it_is(
        self, client: TestClient, session: Session, club: Group, pending: Annotation, *, submit: Submit
    ) -> None:
        make_annotation(
            session, user=make_user(session), group=club, text="Still waits", moderation_status="PENDING", created=START
        )
        given = fields(client.get(path(club)).text.partition("Read me")[2], moderation_status="APPROVED")
        submit(path(club), given)
        answer = submit(path(club), given | {"moderation_status": "SPAM"})
        assert answer.status_code == 409
        assert "has been changed since you saw it" in answer.text
        assert "Still waits" in answer.text

    def test_shows_who_wrote_what_about_which_words(
        self, client: TestClient, session: Session, club: Group, moderator: User
    ) -> None:
        author = make_user(session, username="bob", display_name="Bob Bobbin")
        for text in ("", "Two\nlines"):
            make_annotation(
                session,
                user=author,
                group=club,
                text=text,
                selectors=[{"type": "TextQuoteSelector", "exact": "the <i>words</i>"}],
                moderation_status="PENDING",
            )
        shown = client.get(path(club)).text
        assert "<h2>bob (Bob Bobbin)</h2>" in shown
        assert shown.count('<blockquote class="letter quiet">the &lt;i&gt;words&lt;/i&gt;</blockquote>') == 2
        assert '<p class="letter">Two\nlines</p>' in shown
        assert shown.count("It has no text.") == 1
        assert shown.count(">Approve</button>") == 2
        assert ">Pending</button>" not in shown

    def test_a_verdict_without_a_token_or_of_no_status_is_refused(
        self, client: TestClient, club: Group, pending: Annotation, *, submit: Submit
    ) -> None:
        given = fields(client.get(path(club)).text, moderation_status="APPROVED")
        assert client.post(path(club), data=given).status_code == 403
        assert submit(path(club), given | {"moderation_status": "GOOD"}).status_code == 400
        assert submit(path(club), given | {"id": "x"}).status_code == 404

    def test_goes_on_behind_twenty(
        self, client: TestClient, session: Session, club: Group, pending: Annotation
    ) -> None:
        for number in range(20):
            make_annotation(
                session, user=make_user(session), group=club, text=f"later {number}", moderation_status="PENDING"
            )
        session.flush()
        shown = client.get(path(club)).text
        assert "Read me" not in shown
        older = re.search(r'href="(\?[^"]+)" rel="next"', shown)
        assert older
        assert "Read me" in client.get(path(club) + older[1].replace("&amp;", "&")).text

    def test_is_for_moderators_alone(
        self, client: TestClient, session: Session, club: Group, *, sign_in: SignIn
    ) -> None:
        member = make_user(session)
        add_member(session, group=club, user=member)
        sign_in(member.id)
        assert client.get(path(club)).status_code == 404
        assert "Moderate" not in client.get(f"/groups/{club.pubid}/book-club").text
        client.cookies.clear()
        assert client.get(path(club)).headers["location"] == f"/login?next=%2Fgroups%2F{club.pubid}%2Fmoderate"
