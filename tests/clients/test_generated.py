"""A client that openapi-python-client makes from our document."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import httpx2

from tests.browser.system import System
from tests.clients.conftest import run

HERE = Path(__file__).parent


class TestGeneratedClient:
    def test_it_creates_reads_finds_and_deletes(
        self, system: System, token: str, environment: Callable[[str], Path], tmp_path: Path
    ) -> None:
        python = environment("generator")
        document = tmp_path / "openapi.json"
        document.write_bytes(httpx2.get(f"{system.url}/api/openapi.json").raise_for_status().content)
        (tmp_path / "config.yml").write_text("package_name_override: h_client\nproject_name_override: h-client\n")
        generator = str(python.with_name("openapi-python-client"))
        arguments = ["generate", "--path", str(document), "--config", "config.yml", "--meta", "setup"]
        printed = run([generator, *arguments, "--output-path", "made"], cwd=tmp_path)
        assert "WARNING" not in printed.upper(), printed
        done = subprocess.run(
            [str(python), str(HERE / "walk_generated.py"), system.url, token],
            env=os.environ | {"PYTHONPATH": str(tmp_path / "made")},  # noqa: TID251 - a test starts programs
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        seen = json.loads(done.stdout)
        assert seen == {
            "created": seen["created"],
            "fetched": ["made", ["x"], "https://generated.example.com/"],
            "found": [1, [seen["created"]]],
            "deleted": True,
            "gone": [404, "failure"],
        }
