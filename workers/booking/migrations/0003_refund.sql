-- A booking that is given back: its tickets are void from the first moment, and it is refunded when the money is.
-- A refund that turns around makes it confirmed again.
alter table booking
    drop constraint booking_state_check,
    add constraint booking_state_check
        check (state in ('confirmed', 'cancelled', 'refunding', 'refunded')),
    add column refund_saga text,
    add constraint booking_refund_saga
        check ((state in ('refunding', 'refunded')) = (refund_saga is not null));

create index booking_by_event on booking (event_id, booking_ref);
create index booking_by_hold on booking (hold_id);
