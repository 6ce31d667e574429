"""Who is told of being mentioned."""

from datetime import timedelta
from typing import Any

import pytest
from hcommon.models import Annotation, Mention, Notification, Subscription, User
from hcommon.models.group import Role
from hcommon.presentation.links import LinkSettings
from hcommon.testing.clock import START
from hcommon.testing.factories import add_member, make_annotation, make_group, make_user
from hworker.notices import mentions
from sqlalchemy.orm import Session

LINKS = LinkSettings(app_url="https://h.example.org", authority="example.org", bouncer_url="https://hyp.is")


@pytest.fixture
def ann(session: Session) -> User:
    return make_user(session, username="ann", display_name="Ann A")


@pytest.fixture
def bob(session: Session) -> User:
    return make_user(session, username="bob")


def mentioning(session: Session, author: User, *people: User, **columns: Any) -> Annotation:
    annotation = make_annotation(session, user=author, text="Look", **columns)
    for person in people:
        session.add(Mention(annotation_id=annotation.id, user_id=person.id, username=person.username, created=START))
        session.flush()
    return annotation


def find(session: Session, annotation: Annotation, person: User) -> mentions.MentionNotice | None:
    session.flush()
    return mentions.find_notice(session, annotation_id=annotation.id, recipient_id=person.id, links=LINKS)


class TestRecipients:
    def test_are_those_mentioned_in_order_but_not_the_author(self, session: Session, ann: User, bob: User) -> None:
        eve = make_user(session)
        annotation = mentioning(session, ann, eve, ann, bob)
        assert mentions.recipients_of(session, annotation_id=annotation.id) == [eve.id, bob.id]

    def test_nobody_is_told_twice(self, session: Session, ann: User, bob: User) -> None:
        annotation = mentioning(session, ann, bob)
        session.add(Notification(recipient_id=bob.id, annotation_id=annotation.id, kind="reply", created=START))
        session.flush()
        assert mentions.recipients_of(session, annotation_id=annotation.id) == []

    @pytest.mark.parametrize("columns", [{"shared": False}, {"deleted": True}])
    def test_nobody_is_told_of_what_is_not_shared(
        self, session: Session, ann: User, bob: User, columns: dict[str, Any]
    ) -> None:
        annotation = mentioning(session, ann, bob, **columns)
        assert mentions.recipients_of(session, annotation_id=annotation.id) == []

    @pytest.mark.parametrize("change", [{"email": None}, {"deleted": True}])
    def test_somebody_without_address_or_account_is_not_told(
        self, session: Session, ann: User, change: dict[str, Any]
    ) -> None:
        annotation = mentioning(session, ann, make_user(session, **change))
        assert mentions.recipients_of(session, annotation_id=annotation.id) == []

    def test_follow_their_own_choice(self, session: Session, ann: User, bob: User) -> None:
        annotation = mentioning(session, ann, bob)
        session.add(Subscription(user_id=bob.id, kind="mention", active=False))
        session.flush()
        assert mentions.recipients_of(session, annotation_id=annotation.id) == []


class TestFindNotice:
    def test_says_who_wrote_what(self, session: Session, ann: User, bob: User) -> None:
        notice = find(session, mentioning(session, ann, bob), bob)
        assert notice is not None
        assert (notice.author, notice.text, notice.email) == ("Ann A", "Look", "bob@example.org")

    def test_somebody_who_may_not_read_it_any_more_is_not_told(self, session: Session, ann: User, bob: User) -> None:
        group = make_group(session)
        add_member(session, group=group, user=ann)
        annotation = mentioning(session, ann, bob, group=group)
        assert find(session, annotation, bob) is None
        add_member(session, group=group, user=bob)
        assert find(session, annotation, bob) is not None

    @pytest.mark.parametrize("status", ["PENDING", "DENIED", "SPAM"])
    def test_what_others_may_not_see_is_not_mailed(self, session: Session, ann: User, bob: User, status: str) -> None:
        annotation = mentioning(session, ann, bob, moderation_status=status)
        assert find(session, annotation, bob) is None
        annotation.moderation_status = "APPROVED"
        assert find(session, annotation, bob) is not None

    def test_a_moderator_is_told_of_a_pending_one_without_its_text(
        self, session: Session, ann: User, bob: User
    ) -> None:
        group = make_group(session, kind="open")
        add_member(session, group=group, user=bob, role=Role.MODERATOR)
        notice = find(session, mentioning(session, ann, bob, group=group, moderation_status="PENDING"), bob)
        assert notice is not None
        assert (notice.pending, notice.text) == (True, "")

    def test_a_shadow_banned_authors_mentions_are_not_told(self, session: Session, ann: User, bob: User) -> None:
        annotation = mentioning(session, ann, bob)
        ann.nipsa = True
        assert find(session, annotation, bob) is None

    def test_a_choice_of_the_last_moment_counts(self, session: Session, ann: User, bob: User) -> None:
        annotation = mentioning(session, ann, bob)
        session.add(Subscription(user_id=bob.id, kind="mention", active=False))
        assert find(session, annotation, bob) is None


class TestClaim:
    def test_is_had_once(self, session: Session, ann: User, bob: User) -> None:
        notice = find(session, mentioning(session, ann, bob), bob)
        assert notice is not None
        assert mentions.claim(session, notice=notice, now=START)
        assert not mentions.claim(session, notice=notice, now=START + timedelta(days=2))

    def test_an_annotation_causes_only_so_many_mails(self, session: Session, ann: User, bob: User) -> None:
        annotation = mentioning(session, ann, bob)
        for _ in range(mentions.MOST_AN_ANNOTATION):
            session.add(
                Notification(
                    recipient_id=make_user(session).id, annotation_id=annotation.id, kind="mention", created=START
                )
            )
        notice = find(session, annotation, bob)
        assert notice is not None
        assert not mentions.claim(session, notice=notice, now=START)

    def test_an_author_causes_only_so_many_mails_a_day(self, session: Session, ann: User, bob: User) -> None:
        for _ in range(mentions.MOST_A_DAY):
            other = mentioning(session, ann)
            session.add(
                Notification(recipient_id=bob.id, sender_id=ann.id, annotation_id=other.id, kind="reply", created=START)
            )
        notice = find(session, mentioning(session, ann, bob), bob)
        assert notice is not None
        assert not mentions.claim(session, notice=notice, now=START + timedelta(hours=23))
        assert mentions.claim(session, notice=notice, now=START + timedelta(hours=25))
