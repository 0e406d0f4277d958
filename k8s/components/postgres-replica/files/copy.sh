#!/bin/bash
# Before the server starts: an empty volume becomes a copy of the primary that follows it. One that was cut off while
# copying is emptied first; one that is complete is left alone.
set -euo pipefail
if [ -f "$PGDATA/standby.signal" ] && [ -f "$PGDATA/PG_VERSION" ]; then
    exit 0
fi
rm -rf "$PGDATA"
pg_basebackup --host "$PRIMARY" --username replicator --pgdata "$PGDATA" \
    --wal-method stream --slot replica_0 --write-recovery-conf --checkpoint fast
chmod 0700 "$PGDATA"
