#!/bin/bash
# A node's own settings from its name (kafka-0 is node 0), its volume made ready once, and the server.
set -euo pipefail
settings=$SETTINGS/server.properties
cp /etc/kafka/server.properties "$settings"
{
    echo "node.id=${POD_NAME##*-}"
    echo "advertised.listeners=PLAINTEXT://$POD_NAME.kafka-nodes:9092"
} >>"$settings"
kafka-storage.sh format --ignore-formatted --cluster-id "$CLUSTER_ID" --config "$settings"
exec kafka-server-start.sh "$settings"
