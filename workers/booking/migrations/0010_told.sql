-- What bookings tell on Kafka (docs/feed.md), by booking. Who has booked is not told. The triggers are enabled when the
-- feed is turned on.
create function tell_bookings(changed booking[]) returns void language plpgsql as $$
begin
    perform tell(array_agg(b.booking_ref order by b.booking_ref),
                array_agg('impresario.booking.' || b.state || '.v1' order by b.booking_ref),
                array_agg(json_build_object('booking_ref', b.booking_ref, 'saga', b.saga, 'tenant', b.tenant,
                                            'event_id', b.event_id, 'hold_id', b.hold_id,
                                            'amount', b.amount, 'currency', b.currency) order by b.booking_ref))
      from unnest(changed) b;
end $$;

create function told_booking_made() returns trigger language plpgsql set search_path from current as $$
begin
    perform tell_bookings(array(select row(m.*)::booking from made m));
    return null;
end $$;

create function told_booking_changed() returns trigger language plpgsql
    set search_path from current set enable_hashjoin = on as $$
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

-- Some bookings from before the feed was, or that changed while it was off, in the order of their references; says which
-- was the last. They are locked and then looked at: what somebody changes meanwhile is told by its trigger.
create function tell_there_booking(beyond text, at_most integer) returns text language plpgsql
    set search_path from current as $$
declare
    refs text[] := array(select booking_ref from booking where beyond is null or booking_ref > beyond
                          order by booking_ref limit at_most);
begin
    perform from booking where booking_ref = any(refs) order by booking_ref for no key update;
    perform tell_bookings(array(
        select b from booking b left join feed_sequence told on told.key = b.booking_ref
         where b.booking_ref = any(refs)
           and told.kind is distinct from 'impresario.booking.' || b.state || '.v1'));
    return refs[cardinality(refs)];
end $$;
