-- Closed can be opened again; cancelled is for good.
alter table event
    drop constraint event_state_check,
    add constraint event_state_check check (state in ('on_sale', 'closed', 'cancelled'));

create index hold_by_event on hold (event_id) where state in ('held', 'pinned', 'sold');
