-- Whether commits write what is to be told on Kafka. Of the database and not of a process: a replica that did not know
-- would leave holes. Turned on by the first replica that is started with a Kafka, turned off by hand.
create table feed_switch (
    only_row   boolean primary key default true check (only_row),
    is_on      boolean not null default false,
    turned_at  timestamptz
);

insert into feed_switch default values;

-- What Kafka does not have yet: per commit and results partition which journal rows it added. What is there has not been
-- delivered: there is no cursor that a late commit could fall behind. A saga's later row always has the greater id,
-- because it is written by a statement that has seen the earlier one.
create table feed (
    partition smallint not null,
    id        bigint generated always as identity,
    sagas     uuid[] not null,
    seqs      integer[] not null,
    added_at  timestamptz not null default clock_timestamp(),
    primary key (partition, id)
) with (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_cost_delay = 0);
