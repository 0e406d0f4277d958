-- Days whose sagas have all ended and are no longer kept. Written before anything is taken away, so that a
-- replica that dies half-way leaves behind what it was about to do, and another goes on with it.
create table day_dropped (
    day        integer primary key,   -- days since 1970-01-01 UTC, as in the head of a saga's id
    sagas      bigint not null,
    decided_at timestamptz not null default clock_timestamp(),
    done_at    timestamptz            -- both tables are gone
);
