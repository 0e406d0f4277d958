-- Effects that this database had lost by going back to an earlier moment, and that the provider's log knew: what was
-- done about each. A row is written with the barrier's, in one transaction.
create table restored_effect (
    effect    text primary key,         -- forward
    saga      text        not null,
    at        timestamptz not null default clock_timestamp(),
    undone_at timestamptz               -- null: it stands, as its saga's effect
);
