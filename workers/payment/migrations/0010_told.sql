-- What the books tell on Kafka (docs/feed.md): every movement of money, by the saga that it belongs to. The trigger is
-- enabled when the feed is turned on.
create function told_money_moved() returns trigger language plpgsql set search_path from current as $$
begin
    perform tell(array_agg(m.saga order by m.transfer_id),
                 array_agg('impresario.payment.' || m.word || '.v1' order by m.transfer_id),
                 array_agg(json_build_object('transfer_id', m.transfer_id, 'saga', m.saga,
                                             'amount', m.amount, 'currency', m.currency) order by m.transfer_id))
       -- What a transfer moves is on each side of it once: either way it is the largest of its entries.
       from (select t.transfer_id, t.saga, e.currency, max(abs(e.amount)) as amount,
                    case t.kind when 'authorize' then 'authorized' when 'void' then 'voided'
                                when 'capture' then 'captured' when 'refund' then 'refunded'
                                when 'settle' then 'settled' end as word
               from made e join transfer t on t.transfer_id = e.transfer_id
              group by t.transfer_id, t.saga, t.kind, e.currency) m;
    return null;
end $$;

create trigger told_money_moved after insert on entry
    referencing new table as made for each statement execute function told_money_moved();
alter table entry disable trigger told_money_moved;

-- The books from before the feed was are not told: a saga begins with its next movement.
create function tell_what_is_there() returns void language sql as $$ select $$;
