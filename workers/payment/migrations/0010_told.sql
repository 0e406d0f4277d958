-- What the books tell on Kafka (docs/feed.md): every movement of money, by the saga that it belongs to. The trigger is
-- enabled when the feed is turned on; the books from before are not told. A transfer without an amount is written by a
-- program of before, which does not tell yet.
create function told_money_moved() returns trigger language plpgsql set search_path from current as $$
begin
    perform tell(array_agg(m.saga order by m.transfer_id),
                 array_agg('impresario.payment.' ||
                           case m.kind when 'authorize' then 'authorized' when 'void' then 'voided'
                                       when 'capture' then 'captured' when 'refund' then 'refunded'
                                       when 'settle' then 'settled' end || '.v1' order by m.transfer_id),
                 array_agg(json_build_object('transfer_id', m.transfer_id, 'saga', m.saga,
                                             'amount', m.amount, 'currency', m.currency) order by m.transfer_id))
       from made m
      where m.amount is not null;
    return null;
end $$;

create trigger told_money_moved after insert on transfer
    referencing new table as made for each statement execute function told_money_moved();
alter table transfer disable trigger told_money_moved;
