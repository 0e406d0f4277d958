-- One row per effect: what this participant did about it, and what it answered.
-- The key's first part is the saga's hash, so one range of the primary key holds all effects of a saga.
create table barrier (
    effect          text collate "C" primary key,
    saga            text   not null,
    saga_started_at bigint not null,          -- Unix milliseconds
    task            text   not null,
    state           text   not null check (state in
        ('intent', 'succeeded', 'rejected', 'closing', 'undoing', 'tombstone', 'compensated')),
    input_hash      bytea,                    -- null: the forward task was never seen
    input           json,
    outcome         json,                     -- output when it succeeded, problem when rejected
    undo            json,                     -- what the compensation answered
    claimed_at      timestamptz not null default clock_timestamp(),   -- a provider's key life counts from here
    at              timestamptz not null default clock_timestamp(),
    check (state not in ('succeeded', 'rejected', 'compensated') or outcome is not null)
) with (fillfactor = 80);                     -- room for the second write of each row on its page
