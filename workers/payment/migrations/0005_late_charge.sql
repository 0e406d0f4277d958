-- Money that came for a payment request which nobody wants any more. Written before it is given back, so that it is
-- in the books whoever dies in between.
create table late_charge (
    charge_id   text primary key,
    saga        text   not null,
    key         text   not null,        -- the effect key of the request that it came for
    amount      bigint not null,
    currency    text   not null,
    found_at    timestamptz not null default clock_timestamp(),
    returned_at timestamptz
);

create index late_charge_open on late_charge (found_at) where returned_at is null;
