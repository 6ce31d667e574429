"""An identity provider that others have written, in a process of its own."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from socket import create_connection

from hcommon.testing.ports import free_port

NAME = "the provider"
PEOPLE = (
    {"sub": "nina-1", "preferred_username": "nina", "email": "nina@example.net", "email_verified": True},
    {"sub": "otto-1", "preferred_username": "otto", "email": "otto@example.org", "email_verified": True},
)
NOT_THERE = r"cdn\.jsdelivr\.net|/favicon\.ico"
"""What its pages ask for, and do not get."""

START_SECONDS = 20


@contextmanager
def serving() -> Iterator[dict[str, str]]:
    """Start it, and return what a site that uses it is told."""
    port = free_port()
    command = [sys.executable, "-m", "oidc_provider_mock", "--host", "localhost", "--port", str(port)]
    for person in PEOPLE:
        command += ["--user-claims", json.dumps(person)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            _wait(process, port)
            yield {
                "OIDC_ISSUER": f"http://localhost:{port}",
                "OIDC_CLIENT_ID": "h",
                "OIDC_CLIENT_SECRET": "hush",
                "OIDC_NAME": NAME,
            }
        finally:
            process.terminate()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            with closing(create_connection(("localhost", port), timeout=1)):
                return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("The identity provider does not start.") from None
            time.sleep(0.05)
