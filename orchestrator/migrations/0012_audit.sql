-- What people did beside the rules, and why. Never updated, never deleted by the program.
create table audit (
    id      bigint generated always as identity primary key,
    at      timestamptz not null default clock_timestamp(),
    tenant  text not null,
    who     text not null,
    action  text not null,
    subject text not null,
    reason  text not null,
    detail  jsonb
);
