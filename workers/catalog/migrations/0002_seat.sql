-- A seat of an event, and who has it. Free: no hold, or one whose time is over.
-- A hold that is pinned or sold keeps its seats until 'infinity'.
create table seat (
    event_id     uuid   not null references event,
    seat         text collate "C" not null,
    section      text   not null,
    price_amount bigint not null check (price_amount >= 0),   -- minor units of the event's currency
    hold_id      uuid,
    held_until   timestamptz,
    sold_at      timestamptz,
    primary key (event_id, seat),
    check ((hold_id is null) = (held_until is null)),
    check (sold_at is null or hold_id is not null)
) with (fillfactor = 80);
