-- A confirmed booking; its reference is derived from the effect key, so a repeated task finds the same one.
create table booking (
    booking_ref    text primary key,
    saga           text   not null,
    tenant         text   not null,
    event_id       text   not null,
    hold_id        text,
    customer_email text   not null,
    charge_id      text   not null,
    amount         bigint not null,
    currency       text   not null,
    state          text   not null default 'confirmed' check (state in ('confirmed', 'cancelled')),
    created_at     timestamptz not null default clock_timestamp()
);
