#!/bin/sh
# Make sure that there is a Chromium for `make browser`. Costs nothing when there is one.
#
# usage: tools/install_chromium.sh
#
# On Debian and Ubuntu root gets it installed; everybody else is told the one line to type.
set -eu

find_chromium() {
    for name in chromium chromium-browser google-chrome google-chrome-stable; do
        # Ubuntu's package is a stub that starts the snap: being there is not enough.
        command -v "$name" >/dev/null 2>&1 && "$name" --version >/dev/null 2>&1 && return 0
    done
    return 1
}

find_chromium && exit 0

# The fonts make text, and thereby what is clicked, as wide as elsewhere.
packages="chromium fonts-liberation"

if ! command -v apt-get >/dev/null 2>&1; then
    printf '%s\n' "The browser tests need Chromium. Install it with this system's package manager, then run make again." >&2
    exit 1
fi
if [ "$(id -u)" != 0 ]; then
    printf '%s\n' "The browser tests need Chromium. Type this, then run make again:" \
        "    sudo apt-get install --no-install-recommends $packages" >&2
    exit 1
fi
printf '%s\n' "Installing $packages."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# shellcheck disable=SC2086 # a list of words
if ! { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $packages; } \
    >"$log" 2>&1; then
    tail -n 20 "$log" >&2
    printf '%s\n' "That failed. Type: apt-get update && apt-get install --no-install-recommends $packages" >&2
    exit 1
fi
if ! find_chromium; then
    printf '%s\n' "The package did not bring a Chromium that runs (on Ubuntu it needs snap). Install Google Chrome instead." >&2
    exit 1
fi
