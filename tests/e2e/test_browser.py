"""The journeys of tests/browser, with the unmodified client in a real browser, on the containers."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.infra.stack import SERVICES, Stack

BROWSER = Path(__file__).parents[1] / "browser"
SECONDS = 600


class TestBrowser:
    def test_all_journeys(self, stack: Stack, tmp_path: Path) -> None:
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
        done = subprocess.run(
            [sys.executable, "-m", "pytest", str(BROWSER), "--config-file", str(BROWSER / "pytest.ini"), "-q"],
            env=dict(os.environ) | {"TEST_BROWSER_CONTAINERS": str(described)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-8000:]
        stack.wait_healthy(SERVICES)
