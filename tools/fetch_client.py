"""Fetches the pinned Hypothesis client into a directory: fetch_client.py DIRECTORY; the web image's build uses it."""

import os
import sys
from pathlib import Path

from hstandalone.client import fetch_client
from hstandalone.clientpackage import read_pin
from hstandalone.errors import StandaloneError
from hstandalone.stopping import StopRequest

PIN = Path(__file__).parent.parent / "services" / "web" / "client-package.json"


def main() -> None:
    """Fetch, check and unpack; an expected failure is a message."""
    root = Path(sys.argv[1])
    root.mkdir(parents=True, exist_ok=True)
    try:
        fetch_client(root, pin=read_pin(PIN), env=os.environ, stop=StopRequest())  # noqa: TID251 - a tool, not a service
    except StandaloneError as error:
        raise SystemExit(str(error)) from error


if __name__ == "__main__":
    main()
