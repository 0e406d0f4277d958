#!/bin/bash
# A node's own settings from its name (kafka-0 is node 0), its volume made ready once, and the server.
set -euo pipefail
own=$SETTINGS/server.properties
cp "$(dirname "$0")/server.properties" "$own"
{
    echo "node.id=${POD_NAME##*-}"
    echo "log.dirs=$DATA"
    echo "advertised.listeners=PLAINTEXT://$POD_NAME.kafka-nodes:9092"
} >>"$own"
kafka-storage.sh format --ignore-formatted --cluster-id "$CLUSTER_ID" --config "$own"
exec kafka-server-start.sh "$own"
