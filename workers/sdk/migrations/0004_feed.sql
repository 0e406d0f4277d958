-- What this pool has to tell on Kafka and Kafka does not have yet. Written by the pool's own triggers (named `told_…`) in
-- the transaction of the fact, while they are enabled: off, there is nothing to run. Deleted once Kafka has it.
create table feed (
    id       bigint generated always as identity primary key,
    key      text not null,                  -- what it happened to
    sequence bigint not null,                -- its place among the events with this key, from 1
    kind     text not null,                  -- what happened; the name of its schema
    data     json not null,
    at       timestamptz not null default clock_timestamp()
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);

create table feed_sequence (
    key  text collate "C" primary key,
    last bigint not null
) with (fillfactor = 80);

-- One worker process of the pool tells at a time. For speed alone: two tell the same twice.
create table feed_lease (
    only_row boolean primary key default true check (only_row),
    owner    text,
    until    timestamptz not null default '-infinity'
);

insert into feed_lease default values;

-- Says that this happened to these, in this order. Whoever changes a thing has locked it, so its numbers and the rows'
-- ids are in the order of the commits.
create function tell(keys text[], kinds text[], facts json[]) returns void language sql set search_path from current as $$
    with said as (
        select f.key, f.kind, f.data, f.place,
               row_number() over (partition by f.key order by f.place) as nth,
               count(*) over (partition by f.key) as many
          from unnest(keys, kinds, facts) with ordinality as f (key, kind, data, place)
    ),
    numbered as (
        insert into feed_sequence as s (key, last)
        select distinct key, many from said order by key
        on conflict (key) do update set last = s.last + excluded.last
        returning s.key, s.last
    )
    insert into feed (key, sequence, kind, data)
    select said.key, numbered.last - said.many + said.nth, said.kind, said.data
      from said join numbered on numbered.key = said.key
     order by said.place
$$;
