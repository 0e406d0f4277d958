-- What the catalogue tells on Kafka (docs/feed.md): events and their seats by event, holds by hold. The triggers are
-- enabled when the feed is turned on.
create function tell_holds(changed hold[]) returns void language sql set search_path from current as $$
    select tell(
        array_agg(h.hold_id::text order by h.event_id, h.hold_id),
        array_agg('impresario.catalog.seats-' || h.state || '.v1' order by h.event_id, h.hold_id),
        array_agg(json_build_object('hold_id', h.hold_id, 'saga', h.saga, 'event_id', h.event_id, 'seats', h.seats,
                                    'amount', h.amount, 'currency', h.currency)
                  order by h.event_id, h.hold_id))
      from unnest(changed) h
$$;

create function told_hold_made() returns trigger language plpgsql set search_path from current as $$
begin
    perform tell_holds(array(select row(m.*)::hold from made m));
    return null;
end $$;

create function told_hold_changed() returns trigger language plpgsql set search_path from current as $$
begin
    perform tell_holds(array(select row(n.*)::hold from new_rows n join old_rows o on o.hold_id = n.hold_id
                              where o.state <> n.state));
    return null;
end $$;

create trigger told_hold_made after insert on hold
    referencing new table as made for each statement execute function told_hold_made();
create trigger told_hold_changed after update on hold
    referencing old table as old_rows new table as new_rows for each statement execute function told_hold_changed();

create function tell_events(ids uuid[]) returns void language sql set search_path from current as $$
    select tell(array_agg(e.event_id::text order by e.event_id),
                array_agg('impresario.catalog.event-' || replace(e.state, '_', '-') || '.v1' order by e.event_id),
                array_agg(json_build_object('event_id', e.event_id, 'title', e.title, 'venue', e.venue,
                                            'starts_at', e.starts_at, 'currency', e.currency) order by e.event_id))
      from event e where e.event_id = any(ids)
$$;

create function told_event_made() returns trigger language plpgsql set search_path from current as $$
begin
    perform tell_events(array(select event_id from made));
    return null;
end $$;

create function told_event_changed() returns trigger language plpgsql set search_path from current as $$
begin
    perform tell_events(array(select n.event_id from new_rows n join old_rows o on o.event_id = n.event_id
                               where o.state <> n.state));
    return null;
end $$;

create trigger told_event_made after insert on event
    referencing new table as made for each statement execute function told_event_made();
create trigger told_event_changed after update on event
    referencing old table as old_rows new table as new_rows for each statement execute function told_event_changed();

create function tell_seats(of uuid[], many bigint[]) returns void language sql set search_path from current as $$
    select tell(array_agg(s.event_id::text order by s.event_id),
                array_agg('impresario.catalog.seats-added.v1'::text order by s.event_id),
                array_agg(json_build_object('event_id', s.event_id, 'seats', s.many) order by s.event_id))
      from unnest(of, many) as s (event_id, many)
$$;

create function told_seats_added() returns trigger language plpgsql set search_path from current as $$
begin
    perform tell_seats(array_agg(event_id), array_agg(many))
       from (select event_id, count(*) as many from made group by event_id) added;
    return null;
end $$;

create trigger told_seats_added after insert on seat
    referencing new table as made for each statement execute function told_seats_added();

alter table hold disable trigger told_hold_made;
alter table hold disable trigger told_hold_changed;
alter table event disable trigger told_event_made;
alter table event disable trigger told_event_changed;
alter table seat disable trigger told_seats_added;

-- What was there before the feed was, told in the transaction that turns it on, while nobody else writes these tables:
-- every event with its seats, and the holds that keep some of them.
create function tell_what_is_there() returns void language plpgsql set search_path from current as $$
begin
    perform tell_events(array(select event_id from event where event_id::text not in (select key from feed_sequence)));
    perform tell_seats(array_agg(event_id), array_agg(many))
       from (select s.event_id, count(*) as many
               from seat s join feed_sequence told on told.key = s.event_id::text and told.last = 1
              group by s.event_id) there;
    perform tell_holds(array(select h from hold h where h.state in ('held', 'pinned', 'sold')
                                and h.hold_id::text not in (select key from feed_sequence)));
end $$;
