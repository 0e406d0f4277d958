-- All entries of a transfer are written by one statement, so what a statement adds must sum to zero by itself. Checked
-- once for the whole statement instead of once for each row at commit, and true at every moment, not only then.
drop trigger transfer_balances on entry;
drop function transfer_balances();

create function entries_balance() returns trigger language plpgsql as $$
declare
    wrong text;
begin
    select transfer_id into wrong
      from made
     group by transfer_id, currency
    having sum(amount) <> 0
     limit 1;
    if found then
        raise exception 'transfer % does not sum to zero', wrong using errcode = 'check_violation';
    end if;
    return null;
end $$;

create trigger entries_balance
    after insert on entry referencing new table as made
    for each statement execute function entries_balance();
