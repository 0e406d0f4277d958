-- Whose effect it is, in the engine's words: should the engine lose the saga, it can be undone by what is said here.
-- Null in rows from before, and where nothing was done.
alter table barrier
    add column definition text,               -- its name
    add column version    text,               -- the first digits of the hash of its content
    add column parent     text;               -- the saga that runs this one as a step
