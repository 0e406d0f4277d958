#!/bin/bash
# Copies the primary's log into $BACKUPS/wal as it is written, for ever. The slot keeps what was not copied yet; a pod that
# comes back goes on where the last complete file ends.
set -euo pipefail
mkdir -p "$BACKUPS/wal"
pg_receivewal --host "$PRIMARY" --username replicator --no-password --slot backup --create-slot --if-not-exists
# Each write is synced at once: what is lost with the primary is what was on its way, not the last unfinished file.
exec pg_receivewal --host "$PRIMARY" --username replicator --no-password --slot backup --synchronous \
    --directory "$BACKUPS/wal"
