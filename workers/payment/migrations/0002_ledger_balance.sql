-- Checked at commit, when all entries of a transfer are there.
create function transfer_balances() returns trigger language plpgsql as $$
begin
    if exists (select from entry
                where transfer_id = new.transfer_id
                group by currency
               having sum(amount) <> 0) then
        raise exception 'transfer % does not sum to zero', new.transfer_id
            using errcode = 'check_violation';
    end if;
    return null;
end $$;

create constraint trigger transfer_balances
    after insert on entry deferrable initially deferred
    for each row execute function transfer_balances();
