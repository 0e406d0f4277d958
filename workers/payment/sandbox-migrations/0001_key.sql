-- Idempotency keys: what was asked under them, and what was answered.
create table key (
    key        text primary key,
    operation  text,                    -- null: cancelled before anything was asked
    body_hash  bytea,
    state      text not null check (state in ('open', 'acted', 'refused', 'cancelled')),
    status     integer,                 -- HTTP status and body of the stored answer
    answer     json,
    attempts   integer not null default 0,
    created_at timestamptz not null default clock_timestamp(),
    check ((state in ('acted', 'refused')) = (answer is not null))
);
