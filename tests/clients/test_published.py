"""Clients that other people publish, unchanged, against a running system."""

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.browser.system import System
from tests.clients.conftest import run

HERE = Path(__file__).parent
NUMBER = 230
"""More than a page of 200."""


def check(seen: dict[str, Any]) -> None:
    assert seen["userid"] == "acct:carol@localhost"
    assert seen["changed"] == seen["fetched"] == "second"
    assert seen["found"] == [seen["created"]]
    assert seen["deleted"] is True
    assert len(seen["made"]) == NUMBER
    assert sorted(seen["walked"]) == sorted(seen["made"])


class TestPublishedClients:
    def test_python_hypothesis_of_pypi(self, system: System, token: str, environment: Callable[[str], Path]) -> None:
        python = environment("python-hypothesis")
        check(json.loads(run([str(python), str(HERE / "walk_python_hypothesis.py"), system.url, token, str(NUMBER)])))

    def test_hypothesis_api_client_of_npm(self, system: System, token: str, tmp_path: Path) -> None:
        shutil.copytree(HERE / "npm", tmp_path, dirs_exist_ok=True)
        tools = Path(sys.executable).parent
        run([str(tools / "npm"), "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=tmp_path)
        program = [str(tools / "node"), "walk.js", f"{system.url}/api", token, str(NUMBER)]
        check(json.loads(run(program, cwd=tmp_path)))
