-- What the customer of the provider is told: written with the money, posted until it is taken.
create table webhook (
    event_id   text primary key,
    body       text not null,
    state      text not null default 'pending' check (state in ('pending', 'delivered', 'failed')),
    attempts   integer not null default 0,
    due        timestamptz not null default clock_timestamp(),
    last_error text
);

create index webhook_due on webhook (due) where state = 'pending';
