"""The browser that the machine has, and how it is started."""

import os
import shutil

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")

FLAGS = (
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Nothing outside this machine can be reached, whatever a page asks for.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost",
)


def executable() -> str:
    """Return the path of an installed Chromium.

    Raises:
        RuntimeError: There is none; the text says what installs it.
    """
    for name in NAMES:
        if path := shutil.which(name):
            return path
    raise RuntimeError("There is no Chromium. tools/install_chromium.sh installs it or says how.")


def flags() -> list[str]:
    """Return its command line; root may only run it without its sandbox."""
    return [*FLAGS, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
