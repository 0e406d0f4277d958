-- A webhook to be delivered: written with the effect, sent by the deliverer, `stored` when there is nowhere
-- to send it.
create table delivery (
    delivery_id text primary key,
    saga        text   not null,
    kind        text   not null,
    body        text   not null,        -- exactly the signed bytes
    signed_at   bigint not null,        -- Unix seconds, part of what is signed; renewed with each attempt
    signature   text   not null,
    state       text   not null check (state in ('pending', 'stored', 'delivered', 'failed')),
    attempts    integer not null default 0,
    due         timestamptz not null default clock_timestamp(),
    last_error  text,
    created_at  timestamptz not null default clock_timestamp()
);

create index delivery_due on delivery (due) where state = 'pending';
