-- A definition's parsed content, immutable, known by its hash. The small id keeps saga rows short.
create table definition (
    id         integer generated always as identity primary key,
    hash       text not null unique,
    name       text not null,
    version    integer not null,
    canonical  text not null,
    created_at timestamptz not null default now(),
    constraint definition_name_version unique (name, version)
);
