-- What a kind of transfer means for the accounts is a rule, and an entry is a transfer seen through its rule. To store
-- entries only repeated it: three rows with an index entry and a look at their transfer each, for every payment. Books
-- made by rules cannot fail to balance, because no rule is taken whose signs do not sum to zero.
create table posting (
    kind    text     not null,
    account text     not null check (account in ('authorized', 'promised', 'provider', 'sales')),
    sign    smallint not null check (sign in (-1, 1)),
    primary key (kind, account)
);

create function postings_balance() returns trigger language plpgsql as $$
begin
    if exists (select from posting group by kind having sum(sign) <> 0) then
        raise exception 'the entries of a transfer must sum to zero' using errcode = 'check_violation';
    end if;
    return null;
end $$;

create trigger postings_balance after insert on posting
    for each statement execute function postings_balance();

insert into posting (kind, account, sign) values
    ('authorize', 'authorized', 1), ('authorize', 'promised', -1),
    ('void', 'authorized', -1), ('void', 'promised', 1),
    ('capture', 'authorized', -1), ('capture', 'promised', 1), ('capture', 'provider', 1), ('capture', 'sales', -1),
    ('settle', 'provider', 1), ('settle', 'sales', -1),
    ('refund', 'provider', -1), ('refund', 'sales', 1);

-- A rule is as final as what was booked by it.
create trigger posting_append_only before update or delete on posting
    for each row execute function ledger_is_append_only();

-- Without them: a transfer of before, whose entries are stored.
alter table transfer
    add column currency text,
    add column amount   bigint,             -- minor units
    add constraint transfer_money check ((currency is null) = (amount is null) and amount >= 0);

alter table entry rename to stored_entry;

create view entry as
    select t.transfer_id, p.account, t.currency, p.sign * t.amount as amount
      from transfer t
      join posting p using (kind)
     where t.amount is not null
    union all
    select transfer_id, account, currency, amount
      from stored_entry;

-- While versions are rolled out, programs of before go on writing entries; what guarded those guards them still.
create rule entry_is_stored as on insert to entry do instead
    insert into stored_entry (transfer_id, account, currency, amount)
    values (new.transfer_id, new.account, new.currency, new.amount);
