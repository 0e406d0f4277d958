-- Seats held for one saga. The seats point back by hold_id; a seat that points elsewhere was taken over.
create table hold (
    hold_id    uuid primary key,
    saga       text   not null,      -- the owner: nobody else may pin or sell it
    event_id   uuid   not null references event,
    seats      json   not null,
    amount     bigint not null,
    currency   text   not null,
    state      text   not null check (state in ('held', 'pinned', 'sold', 'released', 'expired')),
    expires_at timestamptz not null,
    created_at timestamptz not null default clock_timestamp()
) with (fillfactor = 80);

create index hold_expiring on hold (expires_at) where state = 'held';
