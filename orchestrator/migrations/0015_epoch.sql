-- The times at which this database went back to an earlier moment, and was begun anew. Without a row it never has.
create table epoch (
    number      integer primary key,
    since       timestamptz not null default clock_timestamp(),
    -- The moment it went back to; null when that is not known.
    restored_to timestamptz,
    who         text not null,
    reason      text not null
);
