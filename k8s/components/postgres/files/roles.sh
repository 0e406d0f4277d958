#!/bin/bash
# Runs once, on an empty volume: the platform's role owns its database and nothing else; the replica's may only copy.
set -euo pipefail
psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname postgres \
    -v app_password="$APP_PASSWORD" -v replication_password="$REPLICATION_PASSWORD" <<'SQL'
create role impresario login password :'app_password';
create database impresario owner impresario;
revoke all on database impresario from public;
create role replicator login replication password :'replication_password';
select pg_create_physical_replication_slot('replica_0');
SQL
