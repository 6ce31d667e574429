#!/usr/bin/env bash
# Makes a Debian machine without an image registry ready for h's containers: a Docker engine if there is none, the base
# images and PostgreSQL, RabbitMQ, Redis and Elasticsearch under their usual names. Needs root and Debian's packages
# (and, for Elasticsearch, a Maven repository). Run again, it does only what is missing; REBUILD=1 makes all anew.
set -euo pipefail
cd "$(dirname "$0")"
export DOCKER_BUILDKIT=1

if ! docker version >/dev/null 2>&1; then
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "The Docker engine does not answer. This script can install one on Debian, as root; else start yours." >&2
        exit 1
    fi
    echo "Installing and starting the Docker engine."
    ./install-engine.sh
fi

there() { [ -z "${REBUILD:-}" ] && docker image inspect "$1" >/dev/null 2>&1; }

# Python's image is the last one that base-images.sh makes. An official image of that name is left as it is.
if ! there python:3.13-slim-trixie || ! there debian:trixie-slim; then
    echo "Making debian:trixie-slim and python:3.13-slim-trixie."
    ./base-images.sh
fi
while read -r image directory; do
    there "$image" && continue
    echo "Making $image."
    docker build --quiet --tag "$image" "$directory" >/dev/null
done <<'END'
postgres:17 postgres
rabbitmq:4 rabbitmq
redis:8 redis
elasticsearch:9.5.3 elasticsearch
END
echo "The images are there. Go on with: make up"
