"""What a log collector receives."""

import json
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import logging, threading
from hcommon import logging as hlogging
hlogging.configure(service="web", level="INFO", log_format="{log_format}")
log = hlogging.get_logger("hweb.test")
with hlogging.bound(request_id="abc"):
    log.info("annotation_created", annotation_id="x", odd=chr(0xD800), thing=object)
log.debug("not_shown")
logging.getLogger("library").warning("a %s", "warning")
thread = threading.Thread(target=lambda: log.info("from_thread"))
thread.start()
thread.join()
try:
    1 / 0
except ZeroDivisionError:
    log.exception("failed")
"""


def run(log_format: str) -> str:
    script = SCRIPT.format(log_format=log_format)
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, timeout=30).stderr


class TestConfigure:
    def test_json_lines_carry_event_level_service_and_bound_values(self) -> None:
        lines = [json.loads(line) for line in run("json").splitlines()]
        assert [line["event"] for line in lines] == ["annotation_created", "a warning", "from_thread", "failed"]
        assert {line["service"] for line in lines} == {"web"}
        assert (lines[0]["request_id"], lines[0]["annotation_id"], lines[0]["level"]) == ("abc", "x", "info")
        assert "request_id" not in lines[1]
        assert [line["logger"] for line in lines[:2]] == ["hweb.test", "library"]
        assert "ZeroDivisionError" in lines[3]["exception"]

    def test_console_lines_are_for_people(self) -> None:
        assert "annotation_created" in run("console")

    def test_a_full_disk_under_the_log_disturbs_nobody(self) -> None:
        script = SCRIPT.format(log_format="json") + "\nprint('went on')"
        with Path("/dev/full").open("w") as full:
            done = subprocess.run(
                [sys.executable, "-c", script], stdout=subprocess.PIPE, stderr=full, timeout=30, check=True
            )
        assert done.stdout == b"went on\n"
