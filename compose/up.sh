#!/bin/sh
# Starts all of h in containers, waits until it is healthy and says where it is. Safe to run again.
# Arguments go to `docker compose up`: compose/up.sh --scale web=2 --scale worker=2 (docs/how-to/scale.md).
# With MONITORING=1 Prometheus and Grafana are started as well (docs/how-to/watch-it.md).
set -eu
cd "$(dirname "$0")"

fail() {
    printf '%s\n' "$*" >&2
    exit 1
}
command -v docker >/dev/null ||
    fail "Docker is needed. On Debian, as root: compose/offline/install.sh. Without Docker: make run."
docker compose version >/dev/null 2>&1 || fail "Docker's compose plugin, version 2.20 or newer, is needed."
docker version >/dev/null 2>&1 || fail "The Docker engine does not answer; is it running, and may you use it?"

./configure.sh
overlay=
if [ "${MONITORING:-0}" != 0 ]; then
    overlay="--file monitoring.yaml"
    grep -q '^GRAFANA_PASSWORD=' .env ||
        printf '\n# Of the user admin of Grafana, as it is made with.\nGRAFANA_PASSWORD=%s\n' \
            "$(head -c 18 /dev/urandom | base64 | tr '+/' '-_')" >>.env
fi
# shellcheck disable=SC2086 # two words, or none
compose() { docker compose --file compose.yaml $overlay "$@"; }
if ! compose up --detach --remove-orphans --wait --wait-timeout "${H_WAIT_SECONDS:-600}" "$@"; then
    echo >&2
    compose ps --all --format 'table {{.Service}}\t{{.Status}}' >&2
    # What ended instead of running says why at its end.
    for service in $(compose ps --all --status exited --services); do
        printf '\n%s:\n' "$service" >&2
        docker logs --tail 20 "$(compose ps --all --quiet "$service" | head -1)" >&2
    done
    fail "Not everything is healthy. The logs say why: make logs"
fi

# A new installation has no administrator; its log has the link that makes one.
link=$(compose logs --no-log-prefix init | grep -o 'https\{0,1\}://[^ ]*claim[^ ]*' | tail -1) || link=
[ -z "$link" ] || printf '\nBecome the administrator here (the link works once):\n  %s\n' "$link"
url=$(sed -n 's/^APP_URL=//p' .env | tail -1)
printf '\nh is running: %s\n' "${url:-http://localhost:5000}"
[ -z "$overlay" ] || printf 'Watch it: http://localhost:%s (user admin, GRAFANA_PASSWORD in compose/.env)\n' \
    "$(sed -n 's/^H_GRAFANA_PORT=//p' .env | tail -1 | grep . || echo "${H_GRAFANA_PORT:-3000}")"
