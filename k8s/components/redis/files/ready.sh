#!/bin/bash
# Ready: it serves its slots, and has found a majority. Alone it would tell clients of a cluster of one.
set -euo pipefail
read -ra members <<<"$MEMBERS"
said=$(redis-cli -h "$POD_IP" -p "$PORT" cluster info)
[[ $said == *cluster_state:ok* && $said =~ cluster_known_nodes:([0-9]+) ]] && ((BASH_REMATCH[1] * 2 > ${#members[@]}))
