#!/bin/bash
# One member of a cluster that nobody has to form and that needs no volume: who it is and which slots it has follow from its
# name (redis-1 is the second), so one that comes back, wherever, is the one that went. Behind the server a loop makes it
# known to the others as long as one of them is missing: pods get new addresses, and all of them may at once.
set -euo pipefail
read -ra members <<<"$MEMBERS"
count=${#members[@]}
own=${POD_NAME##*-}
bus=$((PORT + 10000))
printf '%040d %s:%d@%d myself,master - 0 0 %d connected %d-%d\nvars currentEpoch %d lastVoteEpoch 0\n' \
    $((own + 1)) "$POD_IP" "$PORT" "$bus" $((own + 1)) \
    $((own * 16384 / count)) $(((own + 1) * 16384 / count - 1)) "$count" >"$DATA/nodes.conf"

ask() { timeout 2 redis-cli -h "$POD_IP" -p "$PORT" "$@"; }
introduce() {
    # As long as there is a server: it takes the place of this process.
    while sleep 2 && kill -0 $$; do
        # The third field is what a member is, the eighth how the link to it is.
        there=$(ask cluster nodes | grep -cE '^\S+ \S+ (myself,)?master .* connected ') || continue
        [ "$there" -lt "$count" ] || continue
        for member in "${members[@]}"; do
            read -r address _ < <(getent ahosts "$member") || continue
            [ "$address" = "$POD_IP" ] || ask cluster meet "$address" "$PORT" "$bus" >/dev/null || true
        done
    done
}
introduce &
exec redis-server "$(dirname "$0")/redis.conf" --dir "$DATA" --bind "$POD_IP" --port "$PORT" --cluster-announce-ip "$POD_IP"
