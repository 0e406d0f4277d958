-- Keys are compared byte by byte: they are looked up, never sorted for people, and a locale's order costs ten times as
-- much at every descent of the index.
alter table saga_key
    alter column tenant type text collate "C",
    alter column definition type text collate "C",
    alter column key type text collate "C";
