-- Everything that moved money, in order: the ground truth for end checks.
create table log (
    id               bigserial primary key,
    at               timestamptz not null default clock_timestamp(),
    key              text   not null,
    operation        text   not null check (operation in ('authorize', 'capture', 'void', 'refund')),
    authorization_id text   not null,
    charge_id        text,
    amount           bigint not null,
    currency         text   not null
);

create table healed (
    only_row boolean primary key default true check (only_row),
    at       timestamptz not null
);
