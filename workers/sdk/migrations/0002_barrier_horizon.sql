-- For a saga started before this instant a missing barrier row does not mean "never ran".
create table barrier_horizon (
    only_row        boolean primary key default true check (only_row),
    saga_started_at bigint  not null          -- Unix milliseconds
);

insert into barrier_horizon (saga_started_at)
values ((extract(epoch from clock_timestamp()) * 1000)::bigint);
