#!/bin/bash
# Lays the state of the moment $TARGET (like 2026-11-27T09:30:00Z, or `latest`) out as $PGDATA: the last base backup that
# was complete by then, and the log up to it. What was there is kept beside it. The server replays when it starts, and is a
# primary of a new timeline; the log of the old one is put aside too, since the new one's does not continue it.
set -euo pipefail
shopt -s nullglob
target=${TARGET:?which moment}
pattern='^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$'
[ "$target" = latest ] || [[ $target =~ $pattern ]] || { echo "$target is no moment like 2026-11-27T09:30:00Z" >&2; exit 1; }

from=''
for one in "$BACKUPS"/base/*Z; do
    # Names are moments, and sort as they do.
    if [ "$target" = latest ] || [[ ! ${one##*/} > $target ]]; then from=$one; fi
done
[ -n "$from" ] || { echo "no base backup was complete by $target" >&2; exit 1; }
pg_verifybackup --quiet "$from"
if [ -f "$PGDATA/postmaster.pid" ] && pg_ctl status --pgdata "$PGDATA" >/dev/null 2>&1; then
    echo "a server runs on $PGDATA" >&2
    exit 1
fi

now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
[ ! -e "$PGDATA" ] || mv "$PGDATA" "$PGDATA.before-$now"
rm -rf "$PGDATA.part" "$PGDATA.log"
cp --archive "$from" "$PGDATA.part"
# Beside the data, not in them: the next base backup is to be without it.
mkdir "$PGDATA.log"
first=$(sed -n 's/^START WAL LOCATION: .* (file \([0-9A-F]\{24\}\))$/\1/p' "$from/backup_label")
for file in "$BACKUPS"/wal/*; do
    name=${file##*/}
    # The last file is not full, and has what was committed last.
    [[ ${name%.partial} < $first ]] || cp --archive "$file" "$PGDATA.log/${name%.partial}"
done
{
    echo "restore_command = 'cp \"$PGDATA.log/%f\" \"%p\"'"
    echo "recovery_target_action = promote"
    # PostgreSQL wants a zone of digits here.
    moment=${target/T/ }
    [ "$target" = latest ] || echo "recovery_target_time = '${moment/Z/+00}'"
} >>"$PGDATA.part/postgresql.auto.conf"
touch "$PGDATA.part/recovery.signal"
chmod 0700 "$PGDATA.part"
sync
mv "$PGDATA.part" "$PGDATA"
mv "$BACKUPS/wal" "$BACKUPS/wal.before-$now"
echo "restored ${from##*/}, up to $target; what was there is in $PGDATA.before-$now"
