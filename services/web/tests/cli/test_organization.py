"""`h organization`."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hcommon.db.engine import Database
from hcommon.models import Group, Organization
from hcommon.testing.factories import make_group, make_user
from sqlalchemy import select

LOGO = '<?xml version="1.0"?>\n<!-- ours -->\n<svg xmlns="http://www.w3.org/2000/svg"/>'


@pytest.fixture
def logo(tmp_path: Path) -> Path:
    file = tmp_path / "logo.svg"
    file.write_text(LOGO)
    return file


def organizations(database: Database) -> dict[str, tuple[str, str | None]]:
    with database.read() as connection:
        rows = connection.execute(select(Organization.pubid, Organization.name, Organization.logo))
        return {row.pubid: (row.name, row.logo) for row in rows}


class TestAdd:
    def test_makes_one_with_a_logo(self, h: Callable[..., Any], database: Database, logo: Path) -> None:
        done = h("organization", "add", "Library", "--logo", str(logo))
        assert done.exit_code == 0, done.output
        assert organizations(database) == {done.stdout.strip(): ("Library", LOGO)}
        assert "Library" in h("organization", "list").output

    def test_makes_one_default_at_most(self, h: Callable[..., Any], database: Database) -> None:
        assert h("organization", "add", "Library", "--default").stdout.strip() == "__default__"
        again = h("organization", "add", "Other", "--default")
        assert (again.exit_code, "default organisation already" in again.output) == (1, True)

    @pytest.mark.parametrize("content", [b"GIF89a", b"<html></html>", b"\xff\xfe", b"<svg>" + b"x" * 100_000])
    def test_refuses_what_is_no_logo(
        self, h: Callable[..., Any], database: Database, tmp_path: Path, content: bytes
    ) -> None:
        file = tmp_path / "logo"
        file.write_bytes(content)
        assert h("organization", "add", "Library", "--logo", str(file)).exit_code == 1
        assert organizations(database) == {}

    @pytest.mark.parametrize("name", ["", " spaced", "x" * 26])
    def test_refuses_a_name_that_cannot_be(self, h: Callable[..., Any], name: str) -> None:
        done = h("organization", "add", name)
        assert (done.exit_code, "1 to 25 characters" in done.output) == (1, True)


class TestEdit:
    def test_changes_what_is_named(self, h: Callable[..., Any], database: Database, logo: Path) -> None:
        pubid = h("organization", "add", "Library").stdout.strip()
        assert h("organization", "edit", pubid, "--logo", str(logo)).exit_code == 0
        assert organizations(database) == {pubid: ("Library", LOGO)}
        assert h("organization", "edit", pubid, "--name", "Archive", "--no-logo").exit_code == 0
        assert organizations(database) == {pubid: ("Archive", None)}
        assert h("organization", "edit", "nothing", "--name", "x").exit_code == 1


class TestGroups:
    def test_belong_to_one_until_told_otherwise(self, h: Callable[..., Any], database: Database) -> None:
        with database.transaction() as session:
            make_user(session, username="alice")
            elsewhere = make_group(session, authority="lms.example").pubid
        pubid = h("organization", "add", "Library").stdout.strip()
        group = h("group", "create", "Readers", "--owner", "alice", "--organization", pubid).stdout.strip()
        refused = h("organization", "delete", pubid)
        assert (refused.exit_code, "Groups belong to" in refused.output) == (1, True)
        assert h("group", "edit", elsewhere, "--organization", pubid).exit_code == 1
        assert h("group", "edit", group, "--organization", "none").exit_code == 0
        with database.read() as connection:
            assert connection.execute(select(Group.organization_id)).scalars().all() == [None, None]
        assert h("organization", "delete", pubid).exit_code == 0
        assert organizations(database) == {}
