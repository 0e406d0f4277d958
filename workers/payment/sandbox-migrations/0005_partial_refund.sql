-- A charge is given back in parts, or at once.
alter table charge
    add column refunded bigint not null default 0,
    add constraint charge_refunded check (refunded between 0 and amount);

update charge set refunded = amount where state = 'refunded';
