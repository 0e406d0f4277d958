-- A request for money that the customer pays later, by a transfer: open until the money comes or it is cancelled.
-- Nobody can stop a transfer that is on its way: money for a cancelled request is taken all the same, and is late.
create table payment_request (
    request_id text primary key,
    amount     bigint not null check (amount > 0),
    currency   text   not null,
    token      text   not null,
    reference  text,
    metadata   json   not null,              -- the asker's own, given back with every event
    state      text   not null check (state in ('open', 'settled', 'cancelled')),
    key        text   not null,
    pays_at    timestamptz,                  -- when the customer pays by itself, for some tokens
    at         timestamptz not null default clock_timestamp()
);

create index payment_request_by_key on payment_request (key);
create index payment_request_due on payment_request (pays_at) where pays_at is not null;

alter table charge
    alter column authorization_id drop not null,
    add column request_id text references payment_request,
    add column late boolean not null default false,
    add constraint charge_of_one check (num_nonnulls(authorization_id, request_id) = 1);

create unique index charge_by_request on charge (request_id);
create index charge_late on charge (charge_id) where late;

alter table log
    drop constraint log_operation_check,
    add constraint log_operation_check
        check (operation in ('authorize', 'capture', 'void', 'refund', 'settle'));
comment on column log.authorization_id is 'the authorization, or the payment request, that the money belongs to';
