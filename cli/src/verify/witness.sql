-- The participants' effect log, and two more things that leave no trace otherwise. Triggers write in the transaction
-- that makes the change, so what is rolled back was never seen. Neither engine nor workers know of it.
create schema if not exists witness;

create table if not exists witness.effect (
    id     bigserial primary key,
    at     timestamptz not null default clock_timestamp(),
    pool   text not null,
    effect text not null,
    saga   text not null,
    was    text,
    now    text
);

create table if not exists witness.redelivery (
    id        bigserial primary key,
    at        timestamptz not null default clock_timestamp(),
    pool      text    not null,
    effect    text    not null,
    operation text    not null,
    attempt   bigint  not null,
    starts    integer not null
);

create table if not exists witness.repeat (
    id    bigserial primary key,
    at    timestamptz not null default clock_timestamp(),
    nonce text    not null,
    pool  text    not null,
    tries integer not null,
    -- Set by a test in the connection's options; the engine does not know it.
    by    text default nullif(current_setting('witness.replica', true), '')
);

create or replace function witness.see_effect() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        insert into witness.effect (pool, effect, saga, was, now)
        values (tg_table_schema, new.effect, new.saga, null, new.state);
    elsif tg_op = 'DELETE' then
        insert into witness.effect (pool, effect, saga, was, now)
        values (tg_table_schema, old.effect, old.saga, old.state, null);
    elsif old.state is distinct from new.state then
        insert into witness.effect (pool, effect, saga, was, now)
        values (tg_table_schema, new.effect, new.saga, old.state, new.state);
    end if;
    return null;
end $$;

create or replace function witness.see_redelivery() returns trigger language plpgsql as $$
begin
    insert into witness.redelivery (pool, effect, operation, attempt, starts)
    values (tg_table_schema, new.effect, new.operation, new.attempt, new.starts);
    return null;
end $$;

create or replace function witness.see_repeat() returns trigger language plpgsql as $$
begin
    insert into witness.repeat (nonce, pool, tries) values (new.nonce, new.pool, new.tries);
    return null;
end $$;

do $$
declare
    seen record;
begin
    for seen in select table_schema as pool, table_name as name from information_schema.tables
                 where table_name in ('barrier', 'task_start') and table_type = 'BASE TABLE'
    loop
        execute format('drop trigger if exists witness on %I.%I', seen.pool, seen.name);
        if seen.name = 'barrier' then
            execute format('create trigger witness after insert or update or delete on %I.barrier
                            for each row execute function witness.see_effect()', seen.pool);
        else
            execute format('create trigger witness after insert or update on %I.task_start
                            for each row execute function witness.see_redelivery()', seen.pool);
        end if;
    end loop;
    if to_regclass('impresario.outbox') is not null then
        drop trigger if exists witness on impresario.outbox;
        create trigger witness after update of tries on impresario.outbox
            for each row execute function witness.see_repeat();
    end if;
end $$;
