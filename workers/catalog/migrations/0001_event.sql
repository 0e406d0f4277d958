-- An event on sale.
create table event (
    event_id  uuid primary key,
    title     text not null,
    venue     text not null,
    starts_at timestamptz not null,
    currency  text not null check (currency ~ '^[A-Z]{3}$'),
    state     text not null default 'on_sale' check (state in ('on_sale', 'closed'))
);

create index event_by_start on event (starts_at, event_id);
