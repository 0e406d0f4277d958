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

-- How far each key is. It grows with the pool's own tables: a key that was told is never forgotten.
create table feed_sequence (
    key  text collate "C" primary key,
    last bigint not null,
    kind text   not null                     -- of the last event: what has become of it without being told differs
) with (fillfactor = 80);

-- One worker process of the pool tells at a time. For speed alone: two tell the same twice.
create table feed_lease (
    only_row      boolean primary key default true check (only_row),
    owner         text,
    until         timestamptz not null default '-infinity',
    is_all_there  boolean not null default false   -- what was there before the triggers were enabled has been told
);

insert into feed_lease default values;

-- Says that this happened to these, in this order. The row of a key's number is locked until the commit and the ids are
-- drawn after it, so of one key numbers and ids are in the order of the commits. A pool's connections have no hash joins,
-- because all else of theirs is found by key; what is compared here has no index. In PL/pgSQL, which keeps its plans.
create function tell(keys text[], kinds text[], facts json[]) returns void language plpgsql
    set enable_hashjoin = on as $$
begin
    with said as (
        select f.key, f.kind, f.data, f.place,
               row_number() over same as nth, count(*) over whole as many, last_value(f.kind) over whole as last_kind
          from unnest(keys, kinds, facts) with ordinality as f (key, kind, data, place)
        window same as (partition by f.key order by f.place),
               whole as (same rows between unbounded preceding and unbounded following)
    ),
    numbered as (
        insert into feed_sequence as s (key, last, kind)
        select key, many, last_kind from said where nth = 1 order by key
        on conflict (key) do update set last = s.last + excluded.last, kind = excluded.kind
        returning s.key, s.last
    )
    insert into feed (key, sequence, kind, data)
    select said.key, numbered.last - said.many + said.nth, said.kind, said.data
      from said join numbered on numbered.key = said.key
     order by said.place;
end $$;
