-- One ticket per seat. Among live tickets a seat of an event appears once: the last line against selling
-- a seat twice, whatever the catalogue believed.
create table ticket (
    code        text primary key,
    booking_ref text not null references booking,
    event_id    text not null,
    seat        text not null,
    state       text not null default 'live' check (state in ('live', 'void'))
);

create unique index ticket_live_seat on ticket (event_id, seat) where state = 'live';
create index ticket_by_booking on ticket (booking_ref);
