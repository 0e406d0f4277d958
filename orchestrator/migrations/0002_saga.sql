-- One row per saga: what lists and timers need. What a saga is in is its journal, not this row.
-- Partitioned by start day (the head of the id), so that retention drops whole days.
create table saga (
    id            uuid not null primary key,
    tenant        text not null,
    definition_id integer not null,
    partition     smallint not null,
    status        text not null,
    business_key  text,
    attributes    jsonb,
    started_at    timestamptz not null,
    ended_at      timestamptz,
    -- "Look at me no later than this"; null when nothing is due by itself.
    wake_at       timestamptz,
    constraint saga_status check (status in ('running', 'compensating', 'stuck', 'completed', 'compensated')),
    constraint saga_ended check ((ended_at is not null) = (status in ('completed', 'compensated')))
) partition by range (id);

create index saga_wake on saga (wake_at) where wake_at is not null;
create index saga_started on saga (started_at, id);
create index saga_stuck on saga (started_at, id) where status = 'stuck';
create index saga_business_key on saga (business_key) where business_key is not null;
