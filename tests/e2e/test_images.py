"""What holds of each image by itself."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from tests.e2e.infra import single
from tests.e2e.infra.leftovers import LABEL, labels
from tests.e2e.infra.waiting import wait_until

ROOT = Path(__file__).parents[2]
IMAGES = {"web": "hweb", "worker": "hworker", "websocket": "hwebsocket", "indexer": "hindexer"}
MOST_MEGABYTES = {"web": 230, "worker": 200, "websocket": 200, "indexer": 200}
HARDENED = ("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges")  # noqa: S108

IMPORT_ALL = """
import importlib, pkgutil, sys
package = importlib.import_module(sys.argv[1])
names = [module.name for module in pkgutil.walk_packages(package.__path__, package.__name__ + ".")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""

SETTINGS = {
    "web": ("DATABASE_URL", "REDIS_URL", "SECRET_KEY"),
    "worker": ("DATABASE_URL", "BROKER_URL", "SECRET_KEY"),
    "websocket": ("DATABASE_URL", "BROKER_URL"),
    "indexer": ("DATABASE_URL", "BROKER_URL"),
}


@pytest.fixture(params=IMAGES)
def service(request: pytest.FixtureRequest) -> str:
    """Each service in turn."""
    name: str = request.param
    return name


class TestImage:
    def test_its_service_can_be_imported_completely(self, service: str) -> None:
        ended = single.run(*HARDENED, f"h-{service}", "python3", "-c", IMPORT_ALL, IMAGES[service])
        assert ended.status == 0, ended.output
        assert int(ended.output.split()[-1]) > 5

    def test_it_holds_no_other_service_and_no_build_tools(self, service: str) -> None:
        others = [package for package in [*IMAGES.values(), "hstandalone"] if package != IMAGES[service]]
        find = "import importlib.util, sys; print([n for n in sys.argv[1:] if importlib.util.find_spec(n)])"
        ended = single.run(f"h-{service}", "python3", "-c", find, *others, "uv", "pytest")
        assert ended.output.strip() == "[]"
        tools = single.run(f"h-{service}", "sh", "-c", "command -v uv gcc make npm node git strip")
        assert tools.output == ""

    def test_it_runs_as_a_numeric_user_that_owns_nothing_in_it(self, service: str) -> None:
        config = json.loads(single.docker("image", "inspect", "--format", "{{json .Config}}", f"h-{service}"))
        assert config["User"] == "10001:10001"
        owned = single.run(f"h-{service}", "sh", "-c", "id -u; find /opt /usr /etc -writable -not -type l 2>/dev/null")
        assert owned.output.split() == ["10001"]

    def test_it_says_what_it_is_and_how_it_is(self, service: str) -> None:
        config = json.loads(single.docker("image", "inspect", "--format", "{{json .Config}}", f"h-{service}"))
        assert config["Labels"]["org.opencontainers.image.title"] == f"h-{service}"
        assert config["Labels"]["org.opencontainers.image.licenses"] == "BSD-2-Clause"
        assert config["Healthcheck"]["Test"][0] == "CMD"

    def test_it_is_small(self, service: str) -> None:
        size = int(single.docker("image", "inspect", "--format", "{{.Size}}", f"h-{service}"))
        assert size / 1e6 < MOST_MEGABYTES[service]

    def test_without_settings_it_names_all_that_are_missing_and_exits_with_78(self, service: str) -> None:
        ended = single.run(f"h-{service}")
        assert ended.status == 78
        for name in SETTINGS[service]:
            assert f"{name}: is missing" in ended.output
            assert f"example: {name}=" in ended.output
        assert "Traceback" not in ended.output

    def test_it_ends_at_once_while_it_waits_for_a_database(self, service: str) -> None:
        key = "k" * 40
        name = single.start(
            *HARDENED,
            *("-e", "DATABASE_URL=postgresql://h:h@192.0.2.1/h", "-e", "BROKER_URL=amqp://h:h@192.0.2.1/h"),
            *("-e", "REDIS_URL=redis://192.0.2.1/0", "-e", f"SECRET_KEY={key}"),
            f"h-{service}",
        )
        wait_until(lambda: single.logs(name), seconds=60, what="it says that it waits")
        started = time.monotonic()
        single.docker("stop", "--time", "40", name)
        assert time.monotonic() - started < 20
        assert single.docker("inspect", "--format", "{{.State.ExitCode}}", name) in {"0", "143"}


class TestArchive:
    def test_each_can_be_built_from_an_archive_alone(self, service: str) -> None:
        if not (ROOT / ".git").exists():
            pytest.skip("this is no git checkout")
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
        label = f"{LABEL}={labels()[LABEL]}"
        build = ["docker", "build", "--quiet", "--label", label, "--file", f"services/{service}/Dockerfile", "-"]
        built = subprocess.run(build, input=archive, capture_output=True, check=False)
        assert built.returncode == 0, built.stderr.decode()[-3000:]
        image = built.stdout.decode().strip()
        try:
            assert single.run(image).status == 78, "it starts, and misses its settings"
        finally:
            single.docker("image", "rm", "--force", image)
