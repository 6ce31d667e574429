#!/bin/sh
# Writes requirements/*.lock: first one list of everything, then one list a package constrained by it.
# Hashes and versions only, no addresses: the lists work with whatever index the machine is set up for.
# Usage: tools/lock.sh UV [--upgrade]
set -eu
cd "$(dirname "$0")/.."
uv=$1
shift

compile() { # compile OUTPUT [ARGUMENTS]
    output=$1
    shift
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-emit-index-url --no-header --no-annotate --no-emit-package hcommon \
        --output-file "requirements/$output.lock" "$@"
}

runtime="libs/hcommon/pyproject.toml services/web/pyproject.toml services/worker/pyproject.toml"
runtime="$runtime services/websocket/pyproject.toml services/indexer/pyproject.toml services/standalone/pyproject.toml"

# shellcheck disable=SC2086 # a list of words
compile all --all-extras $runtime requirements/dev.in "$@"
for service in web worker websocket indexer; do
    set -- --constraint requirements/all.lock
    [ ! -f "requirements/$service-overrides.in" ] || set -- "$@" --override "requirements/$service-overrides.in"
    compile "$service" "$@" "services/$service/pyproject.toml"
done
# shellcheck disable=SC2086 # a list of words
compile standalone --constraint requirements/all.lock $runtime requirements/build.in requirements/uv.in
compile client --constraint requirements/all.lock requirements/client.in
compile uv --constraint requirements/all.lock requirements/uv.in
# Other people's clients have environments of their own: what they need decides nothing here.
for client in requirements/clients/*.in; do
    compile "clients/$(basename "$client" .in)" "$client"
done
