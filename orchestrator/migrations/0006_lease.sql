-- Who works on which results partition. For speed alone: safety never rests on it.
create table lease (
    partition smallint primary key,
    owner     text,
    until     timestamptz not null
);

create table replica (
    name    text primary key,
    seen_at timestamptz not null
);
