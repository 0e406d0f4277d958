-- Starts of tasks that were delivered more than once: a task that kills its worker is recognised by them.
create table task_start (
    effect    text collate "C" not null,
    operation text    not null,
    attempt   bigint  not null,
    starts    integer not null,
    at        timestamptz not null default clock_timestamp(),
    primary key (effect, operation, attempt)
);
