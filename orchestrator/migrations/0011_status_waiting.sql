-- A saga with nothing out that waits for time, a signal or a person.
alter table saga drop constraint saga_status;
alter table saga add constraint saga_status
    check (status in ('running', 'waiting', 'compensating', 'stuck', 'completed', 'compensated'));
