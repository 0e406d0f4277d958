-- What the catalogue tells on Kafka (docs/feed.md): events and their seats by event, holds by hold. The triggers are
-- enabled when the feed is turned on.
create function tell_holds(changed hold[]) returns void language plpgsql as $$
begin
    perform tell(
        array_agg(h.hold_id::text order by h.event_id, h.hold_id),
        array_agg('impresario.catalog.seats-' || h.state || '.v1' order by h.event_id, h.hold_id),
        array_agg(json_build_object('hold_id', h.hold_id, 'saga', h.saga, 'event_id', h.event_id, 'seats', h.seats,
                                    'amount', h.amount, 'currency', h.currency)
                  order by h.event_id, h.hold_id))
      from unnest(changed) h;
end $$;

create function told_hold_made() returns trigger language plpgsql set search_path from current as $$
begin
    perform tell_holds(array(select row(m.*)::hold from made m));
    return null;
end $$;

create function told_hold_changed() returns trigger language plpgsql
    set search_path from current set enable_hashjoin = on as $$
begin
    perform tell_holds(array(select row(n.*)::hold from new_rows n join old_rows o on o.hold_id = n.hold_id
                              where o.state <> n.state));
    return null;
end $$;

create trigger told_hold_made after insert on hold
    referencing new table as made for each statement execute function told_hold_made();
create trigger told_hold_changed after update on hold
    referencing old table as old_rows new table as new_rows for each statement execute function told_hold_changed();

create function tell_events(ids uuid[]) returns void language plpgsql as $$
begin
    perform tell(array_agg(e.event_id::text order by e.event_id),
                array_agg('impresario.catalog.event-' || replace(e.state, '_', '-') || '.v1' order by e.event_id),
                array_agg(json_build_object('event_id', e.event_id, 'title', e.title, 'venue', e.venue,
                                            'starts_at', e.starts_at, 'currency', e.currency) order by e.event_id))
      from event e where e.event_id = any(ids);
end $$;

create function told_event_made() returns trigger language plpgsql set search_path from current as $$
begin
    perform tell_events(array(select event_id from made));
    return null;
end $$;

create function told_event_changed() returns trigger language plpgsql
    set search_path from current set enable_hashjoin = on as $$
begin
    perform tell_events(array(select n.event_id from new_rows n join old_rows o on o.event_id = n.event_id
                               where o.state <> n.state));
    return null;
end $$;

create trigger told_event_made after insert on event
    referencing new table as made for each statement execute function told_event_made();
create trigger told_event_changed after update on event
    referencing old table as old_rows new table as new_rows for each statement execute function told_event_changed();

create function tell_seats(of uuid[], many bigint[]) returns void language plpgsql as $$
begin
    perform tell(array_agg(s.event_id::text order by s.event_id),
                array_agg('impresario.catalog.seats-added.v1'::text order by s.event_id),
                array_agg(json_build_object('event_id', s.event_id, 'seats', s.many) order by s.event_id))
      from unnest(of, many) as s (event_id, many);
end $$;

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

-- Some of what was there before the feed was, or changed while it was off, in the order of its ids; says which was the
-- last. It is locked and then looked at: what somebody changes meanwhile is told by its trigger. An event is told with
-- its seats, which are made with it.
create function tell_there_event(beyond text, at_most integer) returns text language plpgsql
    set search_path from current as $$
declare
    ids uuid[] := array(select event_id from event where beyond is null or event_id > beyond::uuid
                         order by event_id limit at_most);
    unknown uuid[];
begin
    perform from event where event_id = any(ids) order by event_id for no key update;
    unknown := array(select e.event_id from event e
                      where e.event_id = any(ids)
                        and not exists (select from feed_sequence told where told.key = e.event_id::text));
    perform tell_events(array(
        select e.event_id from event e left join feed_sequence told on told.key = e.event_id::text
         where e.event_id = any(ids)
           and not (told.kind is not distinct from 'impresario.catalog.seats-added.v1' and e.state = 'on_sale')
           and told.kind is distinct from 'impresario.catalog.event-' || replace(e.state, '_', '-') || '.v1'));
    perform tell_seats(array_agg(event_id), array_agg(many))
       from (select event_id, count(*) as many from seat where event_id = any(unknown) group by event_id) there;
    return ids[cardinality(ids)];
end $$;

-- The same of holds; those that keep nothing are left out, unless they kept something when they were last told of.
create function tell_there_hold(beyond text, at_most integer) returns text language plpgsql
    set search_path from current as $$
declare
    ids uuid[] := array(select hold_id from hold where beyond is null or hold_id > beyond::uuid
                         order by hold_id limit at_most);
begin
    perform from hold where hold_id = any(ids) order by hold_id for no key update;
    perform tell_holds(array(
        select h from hold h left join feed_sequence told on told.key = h.hold_id::text
         where h.hold_id = any(ids)
           and (told.key is not null or h.state in ('held', 'pinned', 'sold'))
           and told.kind is distinct from 'impresario.catalog.seats-' || h.state || '.v1'));
    return ids[cardinality(ids)];
end $$;
