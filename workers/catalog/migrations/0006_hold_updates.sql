-- A hold is written once and changed twice: pinned, then sold. Each change used to leave an index entry in every index,
-- because two of them hung on the state. Now only the pinning does: the time of a hold that can expire is a column of its
-- own, which the selling does not touch.
alter table hold add column due timestamptz
    generated always as (case when state = 'held' then expires_at end) stored;

drop index hold_expiring;
create index hold_due on hold (due) where due is not null;

drop index hold_by_event;
create index hold_by_event on hold (event_id);

-- The seats of a hold are locked before it is written, and they are the event's.
alter table hold drop constraint hold_event_id_fkey;
