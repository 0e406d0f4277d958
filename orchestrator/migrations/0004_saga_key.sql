-- The authority for starts: not partitioned by day, and it outlives every barrier. A key that comes again
-- with another body (its hash) is a mistake of the caller.
create table saga_key (
    tenant     text not null,
    definition text not null,
    key        text not null,
    saga_id    uuid not null,
    body_hash  bytea not null,
    primary key (tenant, definition, key)
);
