"""`h user rename`, `h user delete`, `h group delete`, `h document migrate-uris` and `h mail test`: what they record."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest
from hcommon.db.engine import Database
from hcommon.events.accounts import UserDeleted, UserRenamed
from hcommon.events.groups import MembershipDeleted
from hcommon.events.lifecycle import GroupDeleted
from hcommon.events.site import MailTestRequested
from hcommon.models import Annotation, Group, User
from hcommon.testing.factories import add_member, make_annotation, make_group, make_user, recorded_events
from sqlalchemy import select


@pytest.fixture(autouse=True)
def _alice(database: Database) -> None:
    with database.transaction() as session:
        make_user(session, username="alice")


def recorded(database: Database) -> list[type]:
    with database.transaction() as session:
        return [type(event) for event in recorded_events(session)]


class TestUserRename:
    def test_renames_and_has_the_rest_follow(self, h: Callable[..., Any], database: Database) -> None:
        done = h("user", "rename", "alice", "Alicia")
        assert (done.exit_code, done.output) == (0, "alice is Alicia now.\n")
        with database.read() as connection:
            assert connection.execute(select(User.username)).scalars().all() == ["Alicia"]
        assert recorded(database) == [UserRenamed]

    @pytest.mark.parametrize("name", ["x", "a b", "bob"])
    def test_refuses_a_name_that_nobody_can_have(self, h: Callable[..., Any], database: Database, name: str) -> None:
        with database.transaction() as session:
            make_user(session, username="bob")
        assert h("user", "rename", "alice", name).exit_code == 1
        assert recorded(database) == []


class TestUserDelete:
    def test_has_the_rest_follow(self, h: Callable[..., Any], database: Database) -> None:
        assert h("user", "delete", "alice", "--yes").exit_code == 0
        assert recorded(database) == [UserDeleted]


class TestGroupDelete:
    def test_asks_and_has_the_rest_follow(self, h: Callable[..., Any], database: Database) -> None:
        with database.transaction() as session:
            group = make_group(session)
            add_member(session, group=group, user=make_user(session))
            pubid = group.pubid
        assert h("group", "delete", pubid, stdin="n\n").exit_code == 1
        assert h("group", "delete", pubid, stdin="y\n").exit_code == 0
        assert recorded(database) == [MembershipDeleted, GroupDeleted]
        with database.read() as connection:
            assert connection.execute(select(Group.deleted)).scalars().all() == [True]
        assert h("group", "delete", pubid, "--yes").exit_code == 1


class TestMigrateUris:
    def test_moves_what_the_file_names(self, h: Callable[..., Any], database: Database, tmp_path: Path) -> None:
        with database.transaction() as session:
            user = session.scalars(select(User)).one()
            make_annotation(session, user=user, target_uri="https://old.example.com/")
        file = tmp_path / "moves.json"
        file.write_bytes(orjson.dumps({"https://old.example.com/": {"url": "https://new.example.com/"}}))
        done = h("document", "migrate-uris", str(file))
        assert done.output == "https://old.example.com/: 1 moved to https://new.example.com/\n"
        assert h("document", "migrate-uris", str(file)).output.startswith("https://old.example.com/: 0 moved")
        with database.read() as connection:
            assert connection.execute(select(Annotation.target_uri)).scalar() == "https://new.example.com/"

    def test_says_what_is_wrong_with_the_file(self, h: Callable[..., Any], tmp_path: Path) -> None:
        file = tmp_path / "moves.json"
        for content, problem in ((b"{", "not JSON"), (b'{"urn:x": {"url": "http://a.example"}}', "only http")):
            file.write_bytes(content)
            done = h("document", "migrate-uris", str(file))
            assert done.exit_code == 1
            assert problem in done.output


class TestMailTest:
    def test_is_left_to_the_worker(self, h: Callable[..., Any], database: Database) -> None:
        assert h("mail", "test", "root@example.net").exit_code == 0
        assert recorded(database) == [MailTestRequested]

    def test_needs_an_address(self, h: Callable[..., Any], database: Database) -> None:
        assert h("mail", "test", "root").exit_code == 1
        assert recorded(database) == []
