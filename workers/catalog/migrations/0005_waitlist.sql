-- Who wants seats of a sold-out event. Whoever did not take an offer comes after those who had none yet.
create table waitlist (
    entry_id       uuid primary key,
    event_id       uuid   not null references event,
    customer_email text   not null,
    seats          integer not null check (seats between 1 and 8),
    state          text   not null default 'waiting'
        check (state in ('waiting', 'offered', 'booked', 'lapsed')),
    offers         integer not null default 0,
    saga           text,                       -- whose offer it is
    joined_at      timestamptz not null default clock_timestamp(),
    check ((state in ('offered', 'booked')) = (saga is not null))
);

create unique index waitlist_once on waitlist (event_id, customer_email)
    where state in ('waiting', 'offered');
create index waitlist_next on waitlist (event_id, seats, offers, joined_at) where state = 'waiting';
