#!/bin/sh
# Writes compose/.env with fresh secrets; one that is there is left alone.
set -eu
cd "$(dirname "$0")"
[ ! -e .env ] || exit 0

random() { head -c "$1" /dev/urandom | base64 | tr -d '\n' | tr '+/' '-_' | tr -d '='; }

# A port, or a range for more than one container; people are sent to the first one.
port=${H_PORT:-5000}
websocket_port=${H_WEBSOCKET_PORT:-5001}

umask 077
cat >.env.new <<END
# Settings of this installation, for compose and for every service; compose/.env.example lists all there are.
# Made once, with secrets: keep a copy beside the backup of the database, and show it to nobody.

# Where people reach it. Behind a proxy: APP_URL=https://annotate.example.org, and no WEBSOCKET_URL.
APP_URL=http://localhost:${port%%-*}
WEBSOCKET_URL=ws://localhost:${websocket_port%%-*}/ws

# Address and ports on this machine. With two containers of web and of websocket: 5000-5001
# and 5002-5003, as long as there are containers.
H_BIND=127.0.0.1
H_PORT=$port
H_WEBSOCKET_PORT=$websocket_port

# Mail. Without a host it is dropped, with a warning in the log.
#MAIL_HOST=smtp.example.org
#MAIL_DEFAULT_SENDER=Annotations <noreply@example.org>

SECRET_KEY=$(random 48)
# What the containers of PostgreSQL and RabbitMQ are made with; changing it here later does not change it there.
POSTGRES_PASSWORD=$(random 24)
RABBITMQ_PASSWORD=$(random 24)
END
mv .env.new .env
echo "Wrote compose/.env with new secrets."
