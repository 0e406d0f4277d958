-- What the provider did. Objects keep the key they were made under for ever; only its idempotency is forgotten.
create table authorization_ (
    authorization_id text primary key,
    amount           bigint not null check (amount > 0),
    currency         text   not null,
    token            text   not null,
    reference        text,
    state            text   not null check (state in ('authorized', 'captured', 'voided')),
    key              text   not null,
    at               timestamptz not null default clock_timestamp()
);

create index authorization_by_key on authorization_ (key);

create table charge (
    charge_id        text primary key,
    authorization_id text   not null references authorization_,
    amount           bigint not null,
    currency         text   not null,
    state            text   not null check (state in ('charged', 'refunded')),
    key              text   not null,
    at               timestamptz not null default clock_timestamp()
);

create index charge_by_key on charge (key);
