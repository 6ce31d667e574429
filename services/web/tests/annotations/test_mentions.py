"""People mentioned in texts: found, recorded, shown."""

from collections.abc import Callable
from typing import Any

import pytest
from hcommon.models import Group, Mention
from hcommon.testing.factories import add_member, make_group, make_user
from hweb.annotations.mentions import MOST_MENTIONS, mentioned_userids
from sqlalchemy import func, select
from sqlalchemy.orm import Session


def tag(name: str, authority: str = "example.org") -> str:
    return f'<a data-hyp-mention="" data-userid="acct:{name}@{authority}">@{name}</a>'


class TestMentionedUserids:
    @pytest.mark.parametrize(
        "text",
        [
            tag("bob"),
            "<a data-userid='acct:bob@example.org' data-hyp-mention>@bob</a>",
            '<A href="x" data-hyp-mention="yes" data-userid=acct:bob@example.org>@bob</A>',
            f"{tag('bob')} and {tag('bob')}",
            '<a data-hyp-mention=""\n data-userid="acct:bob&#64;example.org">',
        ],
    )
    def test_finds_the_tag_however_it_is_spelt(self, text: str) -> None:
        assert mentioned_userids(text) == ["acct:bob@example.org"]

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "@bob",
            "data-hyp-mention acct:bob@example.org",
            '<a data-hyp-mention="">@bob</a>',
            '<a data-userid="acct:bob@example.org">@bob</a> data-hyp-mention',
            '<abbr data-hyp-mention data-userid="acct:bob@example.org">',
            "<a data-hyp-mention " * 5000,
        ],
    )
    def test_takes_nothing_else_for_one(self, text: str) -> None:
        assert mentioned_userids(text) == []

    def test_stops_at_the_limit(self) -> None:
        text = "".join(tag(f"user{number}") for number in range(MOST_MENTIONS + 5))
        assert mentioned_userids(text) == [f"acct:user{number}@example.org" for number in range(MOST_MENTIONS)]


class TestMentioning:
    def test_the_answer_shows_who_is_mentioned_and_the_text_stays(self, alice: Any, bob: Any) -> None:
        bob.user.display_name, bob.user.description = "Bob B", "Writes"
        bob.session.flush()
        text = f"{tag('bob')} look"
        created = alice.share(text=text)
        assert created["text"] == text
        assert created["mentions"] == [
            {
                "userid": "acct:bob@example.org",
                "original_userid": "acct:bob@example.org",
                "username": "bob",
                "display_name": "Bob B",
                "link": "http://example.org/users/bob",
                "description": "Writes",
                "joined": bob.user.activated_at.isoformat(timespec="microseconds"),
            }
        ]

    def test_a_search_shows_them_too(self, alice: Any, bob: Any) -> None:
        alice.share(text=tag("bob"))
        alice.share(text="nobody")
        rows = alice.request("GET", "/api/search?user=alice").json()["rows"]
        assert sorted([mention["username"] for mention in row["mentions"]] for row in rows) == [[], ["bob"]]

    def test_they_come_in_the_order_of_the_text(self, alice: Any, bob: Any) -> None:
        make_user(alice.session, username="ann")
        created = alice.share(text=f"{tag('bob')} {tag('nobody')} {tag('alice')} {tag('ann')}")
        assert [mention["username"] for mention in created["mentions"]] == ["bob", "alice", "ann"]

    def test_a_change_replaces_them(self, alice: Any, bob: Any) -> None:
        created = alice.share(text=tag("bob"))
        changed = alice.change(created, text=tag("alice"))
        assert [mention["username"] for mention in changed["mentions"]] == ["alice"]
        assert alice.change(created, tags=["x"])["mentions"] == changed["mentions"]
        assert alice.change(created, text="")["mentions"] == []
        assert alice.session.scalar(select(func.count()).select_from(Mention)) == 0

    def test_a_renamed_user_is_still_the_one_mentioned(self, alice: Any, bob: Any) -> None:
        created = alice.share(text=tag("bob"))
        bob.user.username = bob.user.username_normalized = "robert"
        bob.session.flush()
        (mention,) = alice.read(created)["mentions"]
        assert (mention["userid"], mention["original_userid"]) == ("acct:robert@example.org", "acct:bob@example.org")

    def test_the_name_may_be_spelt_otherwise(self, alice: Any, bob: Any) -> None:
        assert [mention["username"] for mention in alice.share(text=tag("B.ob"))["mentions"]] == ["bob"]

    def test_people_of_other_authorities_have_no_page_here(self, alice: Any) -> None:
        make_user(alice.session, username="eve", authority="other.org")
        (mention,) = alice.share(text=tag("eve", "other.org"))["mentions"]
        assert (mention["userid"], mention["link"]) == ("acct:eve@other.org", None)

    def test_in_a_group_only_members_can_be_mentioned(self, alice: Any, bob: Any, session: Session) -> None:
        group: Group = make_group(session)
        add_member(session, group=group, user=alice.user)
        assert alice.share(group.pubid, text=tag("bob"))["mentions"] == []
        add_member(session, group=group, user=bob.user)
        assert len(alice.share(group.pubid, text=tag("bob"))["mentions"]) == 1

    @pytest.mark.parametrize("change", [{"nipsa": True}, {"deleted": True}])
    def test_shadow_banned_and_deleted_people_are_not_mentioned(
        self, alice: Any, person: Callable[..., Any], change: dict[str, Any]
    ) -> None:
        person(username="eve", **change)
        assert alice.share(text=tag("eve"))["mentions"] == []

    def test_shadow_banned_people_mention_nobody(self, bob: Any, person: Callable[..., Any]) -> None:
        assert person(username="eve", nipsa=True).share(text=tag("bob"))["mentions"] == []

    @pytest.mark.parametrize("userid", ["bob", "acct:bob", "acct:@example.org", "group:a@b", "\ufeff"])
    def test_a_userid_that_is_none_is_ignored(self, alice: Any, userid: str) -> None:
        assert alice.share(text=f'<a data-hyp-mention data-userid="{userid}">x</a>')["mentions"] == []
