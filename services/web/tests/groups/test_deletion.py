"""Deleting a group."""

from typing import Any

import pytest
from hcommon.auth import principal_of_user
from hcommon.events.lifecycle import GroupDeleted
from hcommon.testing.clock import START
from hcommon.testing.factories import (
    add_member,
    make_access_token,
    make_annotation,
    make_group,
    make_user,
    make_world_group,
    recorded_events,
)
from hweb.groups import deletion
from sqlalchemy.orm import Session
from starlette.testclient import TestClient


class TestDelete:
    @pytest.mark.parametrize("kind", ["private", "restricted", "open"])
    def test_nobody_reads_or_writes_there_any_more(self, session: Session, client: TestClient, kind: str) -> None:
        ann, bob = make_user(session), make_user(session)
        group = make_group(session, kind=kind, authority_provided_id="g1")
        for user in (ann, bob):
            add_member(session, group=group, user=user)
        make_annotation(session, user=ann, group=group)
        assert deletion.delete(session, group_id=group.id, now=START)
        assert principal_of_user(session, bob.id).roles == {}
        headers = {"Authorization": f"Bearer {make_access_token(session, user=bob)}"}
        assert client.get(f"/api/search?group={group.pubid}", headers=headers).json()["rows"] == []
        assert client.get(f"/api/groups/{group.pubid}", headers=headers).status_code == 404
        body: dict[str, Any] = {"uri": "https://example.com", "group": group.pubid}
        assert client.post("/api/annotations", json=body, headers=headers).status_code == 400
        [event] = [event for event in recorded_events(session) if isinstance(event, GroupDeleted)]
        assert event.group_id == group.id

    def test_its_third_party_id_is_free_again(self, session: Session) -> None:
        group = make_group(session, authority_provided_id="g1")
        deletion.delete(session, group_id=group.id, now=START)
        make_group(session, authority_provided_id="g1")

    def test_the_second_time_changes_nothing(self, session: Session) -> None:
        group = make_group(session)
        assert deletion.delete(session, group_id=group.id, now=START)
        assert not deletion.delete(session, group_id=group.id, now=START)

    def test_the_public_group_stays(self, session: Session) -> None:
        with pytest.raises(deletion.PublicGroupError):
            deletion.delete(session, group_id=make_world_group(session).id, now=START)
