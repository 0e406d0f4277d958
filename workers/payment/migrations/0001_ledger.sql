-- Double entry: every movement of money is a transfer whose entries sum to zero in each currency.
create table transfer (
    transfer_id text primary key,       -- the effect key: one transfer per effect, however often it is told
    saga        text not null,
    kind        text not null check (kind in ('authorize', 'void', 'capture', 'refund')),
    at          timestamptz not null default clock_timestamp()
);

create table entry (
    transfer_id text   not null references transfer,
    account     text   not null check (account in ('authorized', 'promised', 'provider', 'sales')),
    currency    text   not null,
    amount      bigint not null,        -- minor units; positive is a debit
    primary key (transfer_id, account, currency)
);
