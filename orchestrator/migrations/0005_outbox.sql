-- What a commit asked the broker to carry: one row per queue and results partition, deleted once confirmed.
-- A row past its due was left behind by a crash; any replica publishes it again, which is harmless.
create table outbox (
    id        bigint generated always as identity primary key,
    pool      text not null,
    partition smallint not null,
    tasks     bytea[] not null,
    nonce     text not null,
    tries     integer not null default 0,
    due       timestamptz not null default clock_timestamp() + interval '10 seconds'
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000,
        autovacuum_vacuum_cost_delay = 0);

-- Task lists are JSON: compressing them would cost more than the pages.
alter table outbox alter column tasks set storage external;
create index outbox_due on outbox (due);
