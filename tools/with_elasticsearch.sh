#!/bin/sh
# Run a command with TEST_ELASTICSEARCH_URL: an Elasticsearch in a container that is removed afterwards, also after Ctrl-C.
#
# usage: tools/with_elasticsearch.sh COMMAND…
set -eu
[ $# -gt 0 ] || { echo "usage: tools/with_elasticsearch.sh COMMAND…" >&2; exit 2; }

# Data in memory: it is thrown away, and the disk's watermarks are not the subject.
container=$(docker run --detach --rm --label h.test.pid=$$ --publish 127.0.0.1::9200 \
    --tmpfs /usr/share/elasticsearch/data:uid=1000,gid=1000,mode=0770,size=1g \
    --env discovery.type=single-node --env xpack.security.enabled=false \
    --env cluster.routing.allocation.disk.threshold_enabled=false \
    --env "ES_JAVA_OPTS=${ES_JAVA_OPTS:--Xms512m -Xmx512m}" h-elasticsearch)
trap 'docker rm --force --volumes "$container" >/dev/null 2>&1 || :' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
TEST_ELASTICSEARCH_URL=http://$(docker port "$container" 9200/tcp | head -1)
export TEST_ELASTICSEARCH_URL

echo "Waiting for Elasticsearch at $TEST_ELASTICSEARCH_URL."
waited=0
until docker exec "$container" curl -fsS 'localhost:9200/_cluster/health?wait_for_status=yellow&timeout=1s' >/dev/null 2>&1; do
    waited=$((waited + 1))
    if [ "$waited" -gt 240 ]; then
        docker logs --tail 30 "$container" >&2
        echo "It did not start." >&2
        exit 1
    fi
    sleep 1
done
"$@"
