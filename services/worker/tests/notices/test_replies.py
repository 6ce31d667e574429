"""Who is told of a reply."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hcommon.models import Annotation, Mention, Notification, Subscription, User
from hcommon.models.group import Role
from hcommon.presentation.annotation import LinkSettings
from hcommon.testing.clock import START
from hcommon.testing.factories import add_member, make_annotation, make_group, make_user
from hworker.notices import replies
from sqlalchemy import func, select
from sqlalchemy.orm import Session

LINKS = LinkSettings(app_url="https://h.example.org", authority="example.org", bouncer_url="https://hyp.is")
Thread = tuple[Annotation, Annotation, User, User]


def find(session: Session, reply: Annotation, links: LinkSettings = LINKS) -> replies.ReplyNotice | None:
    session.flush()
    return replies.find_notice(session, annotation_id=reply.id, links=links)


class TestFindNotice:
    def test_tells_the_author_of_the_annotation_replied_to(self, session: Session, thread: Thread) -> None:
        root, reply, ann, _ = thread
        notice = find(session, reply)
        assert notice is not None
        assert (notice.recipient_id, notice.email) == (ann.id, "ann@example.org")
        assert (notice.parent_text, notice.reply_text) == ("What Ann thinks", "What Bob answers")
        assert (notice.parent_created, notice.reply_created) == (root.created, reply.created)

    def test_the_last_reference_is_the_one_replied_to(self, session: Session, thread: Thread) -> None:
        root, reply, ann, bob = thread
        answer = make_annotation(session, user=ann, references=[root.id, reply.id])
        notice = find(session, answer)
        assert notice is not None
        assert notice.recipient_id == bob.id

    def test_names_the_replier_as_people_know_them(self, session: Session, thread: Thread) -> None:
        _, reply, _, bob = thread
        notice = find(session, reply)
        assert notice is not None
        assert notice.replier == "bob"
        bob.display_name = "Bob Brown"
        notice = find(session, reply)
        assert notice is not None
        assert notice.replier == "Bob Brown"

    def test_links_to_the_reply_and_to_its_place(self, session: Session, thread: Thread) -> None:
        _, reply, _, _ = thread
        notice = find(session, reply)
        assert notice is not None
        assert notice.html_link is not None
        assert notice.html_link.startswith("https://h.example.org/a/")
        assert notice.incontext_link is not None
        assert notice.incontext_link.startswith("https://hyp.is/")

    def test_links_only_to_what_exists(self, session: Session, thread: Thread) -> None:
        _, reply, _, _ = thread
        links = LinkSettings(app_url="https://h.example.org", authority="elsewhere.org", bouncer_url=None)
        notice = find(session, reply, links)
        assert notice is not None
        assert (notice.html_link, notice.incontext_link) == (None, None)

    def test_repeats_no_more_than_the_beginning_of_a_long_text(self, session: Session, thread: Thread) -> None:
        root, reply, _, _ = thread
        root.text = "x" * 20_000
        notice = find(session, reply)
        assert notice is not None
        assert len(notice.parent_text) < 10_010

    def test_nobody_is_told_of_an_annotation_that_is_no_reply(self, session: Session, thread: Thread) -> None:
        assert find(session, thread[0]) is None

    def test_nobody_is_told_of_their_own_reply(self, session: Session, thread: Thread) -> None:
        root, _, ann, _ = thread
        assert find(session, make_annotation(session, user=ann, references=[root.id])) is None

    def test_nobody_is_told_of_what_is_unknown(self, session: Session) -> None:
        assert replies.find_notice(session, annotation_id=uuid4(), links=LINKS) is None

    def test_nobody_is_told_when_the_annotation_replied_to_was_purged(self, session: Session, thread: Thread) -> None:
        assert find(session, make_annotation(session, user=thread[3], references=[uuid4()])) is None

    @pytest.mark.parametrize(
        "change",
        [
            {"shared": False},
            {"deleted": True},
            {"moderation_status": "PENDING"},
            {"moderation_status": "DENIED"},
            {"moderation_status": "SPAM"},
        ],
    )
    def test_a_reply_that_others_may_not_see_is_not_told(
        self, session: Session, thread: Thread, change: dict[str, Any]
    ) -> None:
        for name, value in change.items():
            setattr(thread[1], name, value)
        assert find(session, thread[1]) is None

    def test_an_approved_reply_is_told(self, session: Session, thread: Thread) -> None:
        thread[1].moderation_status = "APPROVED"
        assert find(session, thread[1]) is not None

    def test_a_shadow_banned_authors_reply_is_not_told(self, session: Session, thread: Thread) -> None:
        thread[3].nipsa = True
        assert find(session, thread[1]) is None

    @pytest.mark.parametrize("change", [{"email": None}, {"deleted": True}])
    def test_somebody_without_address_or_account_is_not_told(
        self, session: Session, thread: Thread, change: dict[str, Any]
    ) -> None:
        for name, value in change.items():
            setattr(thread[2], name, value)
        assert find(session, thread[1]) is None

    def test_a_deleted_annotations_author_is_not_told(self, session: Session, thread: Thread) -> None:
        thread[0].deleted = True
        assert find(session, thread[1]) is None

    @pytest.mark.parametrize(
        ("kind", "active", "told"), [("reply", False, False), ("reply", True, True), ("mention", False, True)]
    )
    def test_follows_the_recipients_choice(
        self, session: Session, thread: Thread, kind: str, active: bool, told: bool
    ) -> None:
        session.add(Subscription(user_id=thread[2].id, kind=kind, active=active))
        assert (find(session, thread[1]) is not None) is told

    def test_a_former_member_does_not_hear_what_is_said_in_the_group(self, session: Session) -> None:
        ann, bob = make_user(session), make_user(session)
        group = make_group(session)
        add_member(session, group=group, user=bob)
        root = make_annotation(session, user=ann, group=group)
        reply = make_annotation(session, user=bob, group=group, references=[root.id])
        assert find(session, reply) is None
        add_member(session, group=group, user=ann)
        assert find(session, reply) is not None

    def test_a_moderator_is_told_of_a_pending_reply_but_not_what_it_says(self, session: Session) -> None:
        ann, bob = make_user(session), make_user(session)
        group = make_group(session, kind="open")
        add_member(session, group=group, user=ann, role=Role.OWNER)
        root = make_annotation(session, user=ann, group=group)
        reply = make_annotation(session, user=bob, group=group, references=[root.id], moderation_status="PENDING")
        reply.text = "secret"
        notice = find(session, reply)
        assert notice is not None
        assert (notice.pending, notice.reply_text) == (True, "")
        reply.moderation_status = "DENIED"
        assert find(session, reply) is None

    @pytest.mark.parametrize(("active", "told"), [(True, False), (False, True)])
    def test_whoever_is_told_of_a_mention_in_it_is_not_told_of_the_reply_too(
        self, session: Session, thread: Thread, active: bool, told: bool
    ) -> None:
        _, reply, ann, _ = thread
        session.add(Mention(annotation_id=reply.id, user_id=ann.id, username="ann", created=START))
        session.add(Subscription(user_id=ann.id, kind="mention", active=active))
        assert (find(session, reply) is not None) is told


class TestClaim:
    def test_is_had_once(self, session: Session, thread: Thread) -> None:
        notice = find(session, thread[1])
        assert notice is not None
        assert replies.claim(session, notice=notice, limited=True, now=START)
        assert not replies.claim(session, notice=notice, limited=True, now=START + timedelta(days=1))
        assert session.scalar(select(func.count()).select_from(Notification)) == 1

    @pytest.mark.parametrize(
        ("most", "others", "hours", "had"),
        [
            (replies.MOST_A_DAY_TO_ONE, False, 1, False),
            (replies.MOST_A_DAY_TO_ONE, False, 25, True),
            (replies.MOST_A_DAY_TO_ONE, True, 1, True),
            (replies.MOST_A_DAY, True, 1, False),
        ],
    )
    def test_ends_when_the_replier_has_caused_too_many_mails(
        self, *, session: Session, thread: Thread, most: int, others: bool, hours: int, had: bool
    ) -> None:
        root, reply, ann, bob = thread
        recipient = make_user(session) if others else ann
        for _ in range(most):
            earlier = make_annotation(session, user=bob, references=[root.id])
            told = {"recipient_id": recipient.id, "annotation_id": earlier.id, "kind": "reply"}
            session.add(Notification(**told, sender_id=bob.id, created=START - timedelta(hours=hours)))
        notice = find(session, reply)
        assert notice is not None
        assert replies.claim(session, notice=notice, limited=True, now=START) is had
        if not had:
            assert replies.claim(session, notice=notice, limited=False, now=START), "the operator wants no limits"
