"""Journeys of tests/browser, with the unmodified client in a real browser, on the containers."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.infra.stack import LOGS, SERVICES, Stack

BROWSER = Path(__file__).parents[1] / "browser"
JOURNEYS = [str(BROWSER / f"test_{name}.py") for name in ("first_visit", "annotating", "search", "together", "restart")]
"""Those that need most of the services; the rest (pages, sessions, the site) see the web process alone, which is the
same program here, and run in `make browser`."""

SECONDS = 1500
"""Ten times what it takes where nothing else runs."""


class TestBrowser:
    def test_the_journeys_that_need_all_services(self, stack: Stack, tmp_path: Path) -> None:
        ids = {name: str(stack.container(name).id) for name in (*SERVICES, "init")}
        ours = [ids[name] for name in SERVICES]
        commands = {
            "h": ["docker", "exec", "-i", ids["web"], "h"],
            "printed": ["sh", "-c", f"docker logs {ids['init']} 2>&1"],
            "stop": ["docker", "stop", "--time", "40", *ours],
            "start": ["docker", "start", *ours],
            "kill websocket": ["docker", "restart", "--time", "0", ids["websocket"]],
        }
        described = tmp_path / "system.json"
        described.write_text(json.dumps({"url": stack.url, "mail": str(stack.mail.directory), "commands": commands}))
        told = LOGS / "browser.log"
        told.parent.mkdir(parents=True, exist_ok=True)
        with told.open("w") as output:
            ended = subprocess.call(
                [sys.executable, "-m", "pytest", *JOURNEYS, "--config-file", str(BROWSER / "pytest.ini"), "-v"],
                env=dict(os.environ) | {"TEST_BROWSER_CONTAINERS": str(described)},
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=SECONDS,
            )
        assert ended == 0, told.read_text()[-8000:]
        stack.wait_healthy(SERVICES)
