"""Other people's clients, and one generated from our document, on the containers; see tests/clients."""

import json
import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.infra.stack import LOGS, Stack

CLIENTS = Path(__file__).parents[1] / "clients"
SECONDS = 600
"""Ten times what it takes where nothing else runs."""


class TestClients:
    def test_they_create_change_find_delete_and_walk_over_everything(self, stack: Stack, tmp_path: Path) -> None:
        commands = {"h": ["docker", "exec", "-i", str(stack.container("web").id), "h"]}
        described = tmp_path / "system.json"
        described.write_text(json.dumps({"url": stack.url, "mail": str(stack.mail.directory), "commands": commands}))
        told = LOGS / "clients.log"
        told.parent.mkdir(parents=True, exist_ok=True)
        with told.open("w") as output:
            ended = subprocess.call(
                [sys.executable, "-m", "pytest", str(CLIENTS), "-v"],
                env=dict(os.environ) | {"TEST_CLIENTS_CONTAINERS": str(described)},
                cwd=CLIENTS.parents[1],
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=SECONDS,
            )
        assert ended == 0, told.read_text()[-8000:]
