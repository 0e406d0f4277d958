-- One row is all that one commit added to one saga. Inserting seq n+1 while n is in place is the permission
-- to have decided it: the primary key is the compare-and-set that safety rests on.
create table journal (
    saga_id uuid not null,
    seq     integer not null,
    body    bytea not null,
    primary key (saga_id, seq)
) partition by range (saga_id);

-- The same for people: the body is JSON text.
create view journal_readable as
    select saga_id, seq, convert_from(body, 'utf8')::jsonb as body from journal;
