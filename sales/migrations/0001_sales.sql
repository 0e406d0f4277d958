-- A reading of the feed from its beginning. One is served; another may be made beside it and take its place.
create table generation (
    id         integer generated always as identity primary key,
    is_served  boolean not null default false,
    made_at    timestamptz not null default clock_timestamp()
);

create unique index generation_served on generation (is_served) where is_served;

-- How far a generation has read, written with what it made of it.
create table place (
    generation integer not null references generation on delete cascade,
    topic      text    not null,
    partition  integer not null,
    next       bigint  not null,
    primary key (generation, topic, partition)
);

-- What is known of each key: the last event that was applied, and what the key adds to its event's sums.
create table known (
    generation integer not null references generation on delete cascade,
    key        text collate "C" not null,
    last       bigint  not null,
    event_id   text,
    taken      bigint  not null default 0,
    bookings   bigint  not null default 0,
    revenue    bigint  not null default 0,
    primary key (generation, key)
) with (fillfactor = 80);

-- The sums.
create table event (
    generation integer not null references generation on delete cascade,
    event_id   text    not null,
    title      text,
    starts_at  text,
    currency   text,
    state      text,
    seats      bigint  not null default 0,
    taken      bigint  not null default 0,
    bookings   bigint  not null default 0,
    revenue    bigint  not null default 0,
    primary key (generation, event_id)
) with (fillfactor = 80);
