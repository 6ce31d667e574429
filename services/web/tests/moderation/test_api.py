"""Verdicts of moderators, and what they are answered."""

from collections.abc import Callable
from typing import Any

import pytest
from hcommon.events.annotations import AnnotationUpdated
from hcommon.events.moderation import AnnotationModerated
from hcommon.models import Annotation, Group, ModerationLog, User
from hcommon.models.group import Role
from hcommon.testing.clock import FrozenClock
from hcommon.testing.factories import make_annotation, make_group, make_world_group, recorded_events
from sqlalchemy import select, update
from sqlalchemy.orm import Session
from starlette.testclient import TestClient

Person = Any  # what the fixtures of conftest.py give
Stored = Callable[[dict[str, Any]], Annotation]
STATUSES = ["APPROVED", "PENDING", "DENIED", "SPAM"]


def logged(session: Session) -> list[tuple[int | None, str | None, str]]:
    columns = (ModerationLog.moderator_id, ModerationLog.old_status, ModerationLog.new_status)
    return [tuple(row) for row in session.execute(select(*columns).order_by(ModerationLog.id))]


def hide_path(annotation: dict[str, Any]) -> str:
    return f"/api/annotations/{annotation['id']}/hide"


class TestHide:
    def test_a_hidden_annotation_is_for_its_author_and_moderators(
        self, author: Person, moderator: Person, person: Callable[..., Person], group: Group, client: TestClient
    ) -> None:
        created = author.share(group, text="x")
        assert moderator("PUT", hide_path(created)).status_code == 204
        assert person(group=group).read(created) is None
        assert client.get(f"/api/annotations/{created['id']}").status_code == 404
        seen, own = moderator.read(created), author.read(created)
        assert (seen["moderation_status"], seen["hidden"], seen["text"]) == ("SPAM", True, "x")
        assert (own["moderation_status"], own["hidden"]) == ("SPAM", False)
        assert own["permissions"]["read"] == [f"group:{group.pubid}"]

    def test_it_can_be_shown_again(self, author: Person, moderator: Person, group: Group, client: TestClient) -> None:
        created = author.share(group)
        moderator("PUT", hide_path(created))
        assert moderator("DELETE", hide_path(created)).status_code == 204
        shown = client.get(f"/api/annotations/{created['id']}").json()
        assert shown == created

    @pytest.mark.parametrize("role", Role)
    def test_moderators_admins_and_owners_may(
        self, author: Person, person: Callable[..., Person], group: Group, role: Role
    ) -> None:
        created = author.share(group)
        may = role is not Role.MEMBER
        for method in ("PUT", "DELETE"):
            status = person(group=group, role=role)(method, hide_path(created)).status_code
            assert status == (204 if may else 404)

    def test_nobody_moderates_the_public_group_without_a_role_in_it(
        self, session: Session, author: Person, moderator: Person, person: Callable[..., Person]
    ) -> None:
        world = make_world_group(session)
        created = author.share(world)
        assert moderator("PUT", hide_path(created)).status_code == 404
        assert person(group=world, role=Role.OWNER)("PUT", hide_path(created)).status_code == 204

    def test_anonymous_and_unknown_are_not_found(
        self, author: Person, moderator: Person, group: Group, client: TestClient
    ) -> None:
        created = author.share(group)
        for path in (hide_path(created), "/api/annotations/nothing/hide"):
            assert client.put(path).status_code == 404
            assert client.delete(path).status_code == 404
        for annotation_id in ("nothing", "AZuGJQxNf0mAAAAAAAAAAA"):
            assert moderator("PUT", f"/api/annotations/{annotation_id}/hide").status_code == 404

    @pytest.mark.parametrize("columns", [{"shared": False}, {"deleted": True}])
    def test_what_is_private_or_deleted_is_not_judged(
        self,
        *,
        session: Session,
        author: Person,
        moderator: Person,
        group: Group,
        stored: Stored,
        columns: dict[str, Any],
    ) -> None:
        created = author.share(group)
        key = stored(created).id
        session.execute(update(Annotation).where(Annotation.id == key).values(columns))
        assert moderator("PUT", hide_path(created)).status_code == 404
        assert moderator.judge(created, "SPAM").status_code == 404
        assert stored(created).moderation_status == "APPROVED"

    def test_a_private_one_of_the_moderators_own_neither(self, moderator: Person, group: Group) -> None:
        created = moderator.share(group, permissions={"read": []})
        assert moderator("PUT", hide_path(created)).status_code == 404

    def test_what_a_shadow_banned_user_wrote_is_not_seen_by_moderators(
        self, session: Session, author: Person, moderator: Person, group: Group
    ) -> None:
        created = author.share(group)
        session.execute(update(User).where(User.id == author.user.id).values(nipsa=True))
        assert moderator("PUT", hide_path(created)).status_code == 404


class TestWhatFollows:
    @pytest.mark.parametrize("by_hiding", [True, False])
    def test_a_verdict_is_logged_raises_the_revision_and_is_told(
        self,
        *,
        session: Session,
        author: Person,
        moderator: Person,
        group: Group,
        stored: Stored,
        clock: FrozenClock,
        by_hiding: bool,
    ) -> None:
        created = author.share(group, document={"version": 2})
        before = stored(created)
        was = (before.document_id, before.target_uri_hash)
        clock.advance(seconds=5)
        tab = {"X-Client-Id": "tab"}
        if by_hiding:
            moderator("PUT", hide_path(created), headers=tab)
        else:
            moderator("PATCH", hide_path(created).replace("hide", "moderation"), headers=tab, json={
                "moderation_status": "SPAM", "annotation_updated": created["updated"]})  # fmt: skip
        row = stored(created)
        assert (row.moderation_status, row.revision) == ("SPAM", 2)
        assert logged(session) == [(moderator.user.id, "APPROVED", "SPAM")]
        updated, moderated = recorded_events(session)[1:]
        assert isinstance(updated, AnnotationUpdated)
        assert (updated.annotation_id, updated.revision, updated.client_id) == (row.id, 2, "tab")
        assert updated.before is not None
        assert (updated.before.shared, updated.before.moderation_status) == (True, "APPROVED")
        assert (updated.before.document_id, updated.before.target_uri_hash) == was
        assert updated.before.document_version == 2
        assert isinstance(moderated, AnnotationModerated)
        assert (moderated.old_status, moderated.new_status) == ("APPROVED", "SPAM")
        assert (moderated.moderator_id, moderated.tell_author) == (moderator.user.id, not by_hiding)

    def test_it_leaves_the_time_of_the_last_change(
        self, author: Person, moderator: Person, group: Group, clock: FrozenClock
    ) -> None:
        created = author.share(group)
        clock.advance(seconds=5)
        assert moderator.judge(created, "DENIED").json()["updated"] == created["updated"]

    @pytest.mark.parametrize("status", [None, "APPROVED"])
    def test_the_same_status_changes_nothing(
        self, *, session: Session, author: Person, moderator: Person, group: Group, stored: Stored, status: str | None
    ) -> None:
        created = author.share(group)
        key = stored(created).id
        session.execute(update(Annotation).where(Annotation.id == key).values(moderation_status=status))
        assert moderator("DELETE", hide_path(created)).status_code == 204
        assert moderator.judge(created, "APPROVED").json()["moderation_status"] == "APPROVED"
        assert stored(created).revision == 1
        assert logged(session) == []
        assert len(recorded_events(session)) == 1

    def test_what_an_author_changes_is_logged_without_a_moderator(
        self, session: Session, author: Person, moderator: Person, group: Group
    ) -> None:
        created = author.share(group)
        moderator.judge(created, "DENIED")
        author("PATCH", f"/api/annotations/{created['id']}", json={"text": "better"})
        author("PATCH", f"/api/annotations/{created['id']}", json={"text": "best"})
        assert logged(session) == [(moderator.user.id, "APPROVED", "DENIED"), (None, "DENIED", "PENDING")]


class TestModerate:
    @pytest.mark.parametrize("status", STATUSES)
    @pytest.mark.parametrize("old", [None, *STATUSES])
    def test_sets_any_status_and_answers_with_the_annotation(
        self,
        *,
        session: Session,
        author: Person,
        moderator: Person,
        group: Group,
        stored: Stored,
        old: str | None,
        status: str,
    ) -> None:
        created = author.share(group, text="x")
        key = stored(created).id
        session.execute(update(Annotation).where(Annotation.id == key).values(moderation_status=old))
        response = moderator.judge(created, status, current_moderation_status=old or "APPROVED")
        assert response.status_code == 200
        assert response.json() == moderator.read(created)
        assert (response.json()["moderation_status"], response.json()["actions"]) == (status, ["moderate"])
        assert response.json()["hidden"] is (status != "APPROVED")

    def test_an_annotation_that_was_changed_meanwhile_is_a_conflict(
        self, author: Person, moderator: Person, group: Group, clock: FrozenClock, stored: Stored
    ) -> None:
        created = author.share(group)
        clock.advance(seconds=1)
        author("PATCH", f"/api/annotations/{created['id']}", json={"text": "changed"})
        for status in ("SPAM", "APPROVED"):
            response = moderator.judge(created, status)
            assert response.status_code == 409
            assert response.json()["status"] == "failure"
        assert stored(created).moderation_status == "APPROVED"

    def test_so_is_another_status_than_the_one_seen(
        self, author: Person, moderator: Person, group: Group, stored: Stored
    ) -> None:
        created = author.share(group)
        moderator.judge(created, "DENIED")
        assert moderator.judge(created, "SPAM", current_moderation_status="APPROVED").status_code == 409
        assert stored(created).moderation_status == "DENIED"

    def test_but_not_when_both_moderators_say_the_same(self, author: Person, moderator: Person, group: Group) -> None:
        created = author.share(group)
        moderator.judge(created, "DENIED")
        assert moderator.judge(created, "DENIED", current_moderation_status="APPROVED").status_code == 200

    @pytest.mark.parametrize("current", [{}, {"current_moderation_status": None}])
    def test_the_status_seen_need_not_be_told(
        self, author: Person, moderator: Person, group: Group, current: dict[str, Any]
    ) -> None:
        created = author.share(group)
        moderator.judge(created, "DENIED")
        assert moderator.judge(created, "SPAM", **current).status_code == 200

    @pytest.mark.parametrize("spelling", ["Z", "+00:00", ""])
    def test_the_time_may_be_spelt_otherwise(
        self, author: Person, moderator: Person, group: Group, spelling: str
    ) -> None:
        created = author.share(group)
        instant = created["updated"].removesuffix("+00:00") + spelling
        assert moderator.judge(created, "SPAM", annotation_updated=instant).status_code == 200

    @pytest.mark.parametrize(
        ("body", "problems"),
        [
            ({}, ["moderation_status: is required", "annotation_updated: is required"]),
            (
                {"moderation_status": "GOOD", "annotation_updated": "then", "current_moderation_status": 5},
                [
                    "moderation_status: must be one of APPROVED, PENDING, DENIED, SPAM",
                    "current_moderation_status: must be a string",
                    "annotation_updated: must be a date in ISO 8601",
                ],
            ),
            (
                {"moderation_status": None, "annotation_updated": None},
                ["moderation_status: must be a string", "annotation_updated: must be a string"],
            ),
        ],
    )
    def test_a_wrong_body_is_refused(
        self, author: Person, moderator: Person, group: Group, body: dict[str, Any], problems: list[str]
    ) -> None:
        created = author.share(group)
        response = moderator("PATCH", f"/api/annotations/{created['id']}/moderation", json=body)
        assert (response.status_code, response.json()["reason"]) == (400, ", ".join(problems))

    def test_members_authors_and_anonymous_do_not_find_it(
        self, author: Person, person: Callable[..., Person], group: Group, client: TestClient
    ) -> None:
        created = author.share(group)
        assert author.judge(created, "SPAM").status_code == 404
        assert person(group=group).judge(created, "SPAM").status_code == 404
        assert person()("PATCH", f"/api/annotations/{created['id']}/moderation", json={}).status_code == 404
        assert client.patch(f"/api/annotations/{created['id']}/moderation", json={}).status_code == 404

    def test_moderators_elsewhere_neither(
        self, session: Session, author: Person, person: Callable[..., Person], group: Group
    ) -> None:
        elsewhere = person(group=make_group(session), role=Role.OWNER)
        assert elsewhere.judge(author.share(group), "SPAM").status_code == 404

    def test_authors_who_moderate_judge_their_own(self, moderator: Person, group: Group) -> None:
        created = moderator.share(group)
        judged = moderator.judge(created, "SPAM").json()
        assert (judged["moderation_status"], judged["hidden"], judged["actions"]) == ("SPAM", False, ["moderate"])

    def test_a_pending_one_can_be_approved(
        self, session: Session, author: Person, person: Callable[..., Person], client: TestClient
    ) -> None:
        guarded = make_group(session, kind="open", pre_moderated=True)
        moderator = person(group=guarded, role=Role.OWNER)
        created = author.share(guarded, text="x")
        reply = author.share(guarded, references=[created["id"]])
        assert (created["moderation_status"], reply["moderation_status"]) == ("PENDING", "PENDING")
        assert client.get(f"/api/annotations/{created['id']}").status_code == 404
        judged = moderator.judge(created, "APPROVED", current_moderation_status="PENDING").json()
        assert judged["permissions"]["read"] == ["group:__world__"]
        assert client.get(f"/api/annotations/{created['id']}").json()["text"] == "x"


class TestIndex:
    def test_names_the_routes(self, client: TestClient) -> None:
        links = client.get("/api/").json()["links"]
        assert links["annotation"]["hide"]["method"] == "PUT"
        assert links["annotation"]["unhide"]["method"] == "DELETE"
        assert links["annotation"]["moderate"]["url"].endswith("/api/annotations/:id/moderation")
        assert links["group"]["annotations"]["read"]["url"].endswith("/api/groups/:pubid/annotations")


class TestSearchLists:
    def test_hidden_and_shadow_banned_are_left_out_for_others(
        self, session: Session, author: Person, moderator: Person, person: Callable[..., Person], group: Group
    ) -> None:
        banned = make_annotation(session, user=person(nipsa=True).user, group=group)
        created = author.share(group)
        moderator.judge(created, "DENIED")

        def found(who: Person) -> list[str]:
            answer = who("GET", "/api/search", params={"group": group.pubid}).json()
            assert answer["total"] == len(answer["rows"])
            return [row["id"] for row in answer["rows"]]

        assert banned
        assert found(person()) == []
        assert found(moderator) == [created["id"]]
        assert found(author) == [created["id"]]
