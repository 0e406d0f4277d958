#!/bin/bash
# A base backup into $BACKUPS/base, named by the moment at which it was complete; then what is older than the newest $KEEP
# of them goes, and with it the log that only they needed. Nothing goes before the new one is verified.
set -euo pipefail
shopt -s nullglob
base=$BACKUPS/base
mkdir -p "$base"
# What a run has left that was cut off.
rm -rf "$base"/*.part
pg_basebackup --host "$PRIMARY" --username replicator --no-password --pgdata "$base/new.part" \
    --wal-method stream --checkpoint fast
pg_verifybackup --quiet "$base/new.part"
sync
mv --no-target-directory "$base/new.part" "$base/$(date -u +%Y-%m-%dT%H:%M:%SZ)"

all=("$base"/*)
for ((old = 0; old < ${#all[@]} - KEEP; old++)); do
    rm -rf "${all[old]}"
done
kept=("$base"/*)
first=$(sed -n 's/^START WAL LOCATION: .* (file \([0-9A-F]\{24\}\))$/\1/p' "${kept[0]}/backup_label")
pg_archivecleanup "$BACKUPS/wal" "$first"
