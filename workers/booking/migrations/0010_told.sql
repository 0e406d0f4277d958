-- What bookings tell on Kafka (docs/feed.md), by booking. Who has booked is not told. The triggers are enabled when the
-- feed is turned on.
create function tell_bookings(changed booking[]) returns void language sql set search_path from current as $$
    select tell(array_agg(b.booking_ref order by b.booking_ref),
                array_agg('impresario.booking.' || b.state || '.v1' order by b.booking_ref),
                array_agg(json_build_object('booking_ref', b.booking_ref, 'saga', b.saga, 'tenant', b.tenant,
                                            'event_id', b.event_id, 'hold_id', b.hold_id,
                                            'amount', b.amount, 'currency', b.currency) order by b.booking_ref))
      from unnest(changed) b
$$;

create function told_booking_made() returns trigger language plpgsql set search_path from current as $$
begin
    perform tell_bookings(array(select row(m.*)::booking from made m));
    return null;
end $$;

create function told_booking_changed() returns trigger language plpgsql set search_path from current as $$
begin
    perform tell_bookings(array(select row(n.*)::booking from new_rows n join old_rows o on o.booking_ref = n.booking_ref
                                 where o.state <> n.state));
    return null;
end $$;

create trigger told_booking_made after insert on booking
    referencing new table as made for each statement execute function told_booking_made();
create trigger told_booking_changed after update on booking
    referencing old table as old_rows new table as new_rows for each statement execute function told_booking_changed();
alter table booking disable trigger told_booking_made;
alter table booking disable trigger told_booking_changed;

-- Bookings from before the feed was, told in the transaction that turns it on.
create function tell_what_is_there() returns void language plpgsql set search_path from current as $$
begin
    perform tell_bookings(array(select b from booking b where b.booking_ref not in (select key from feed_sequence)));
end $$;
