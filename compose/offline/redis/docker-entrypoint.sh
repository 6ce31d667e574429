#!/bin/sh
# As in the official image: options alone mean redis-server, and it listens to other containers.
set -eu
[ "${1#-}" = "${1:-}" ] || set -- redis-server "$@"
[ "${1:-}" != redis-server ] || { shift; set -- redis-server "$@" --bind '*' --protected-mode no; }
exec "$@"
