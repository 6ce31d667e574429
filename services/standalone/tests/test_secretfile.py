"""Secrets made once and kept private."""

import json
import os
import uuid
from pathlib import Path

import pytest
from hstandalone.errors import StandaloneError
from hstandalone.secretfile import load_secrets, write_private


class TestLoadSecrets:
    def test_they_are_made_once_and_only_the_owner_may_read_them(self, tmp_path: Path) -> None:
        path = tmp_path / "secrets.json"
        before = os.umask(0)
        try:
            made = load_secrets(path)
        finally:
            os.umask(before)
        assert path.stat().st_mode & 0o777 == 0o600
        assert len(made["SECRET_KEY"]) >= 64
        assert str(uuid.UUID(made["CLIENT_ID"])) == made["CLIENT_ID"]
        assert load_secrets(path) == made

    def test_two_installations_share_nothing(self, tmp_path: Path) -> None:
        first, second = load_secrets(tmp_path / "a"), load_secrets(tmp_path / "b")
        assert not set(first.values()) & set(second.values())

    def test_one_that_a_later_release_needs_is_added(self, tmp_path: Path) -> None:
        path = tmp_path / "secrets.json"
        path.write_text(json.dumps({"SECRET_KEY": "old"}))
        assert load_secrets(path)["SECRET_KEY"] == "old"
        assert set(json.loads(path.read_text())) == {"SECRET_KEY", "CLIENT_ID"}

    @pytest.mark.parametrize("content", ["", "{", "[]"])
    def test_a_damaged_file_is_never_replaced(self, tmp_path: Path, content: str) -> None:
        path = tmp_path / "secrets.json"
        path.write_text(content)
        with pytest.raises(StandaloneError, match=r"secrets\.json is damaged"):
            load_secrets(path)
        assert path.read_text() == content

    def test_a_place_where_it_cannot_be_written_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(StandaloneError, match="missing"):
            load_secrets(tmp_path / "missing" / "secrets.json")


class TestWritePrivate:
    def test_a_file_that_an_interrupted_run_left_half_written_is_no_obstacle(self, tmp_path: Path) -> None:
        (tmp_path / "a.json.new").write_text("{")
        write_private(tmp_path / "a.json", {"x": "y"})
        assert json.loads((tmp_path / "a.json").read_text()) == {"x": "y"}
        assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
