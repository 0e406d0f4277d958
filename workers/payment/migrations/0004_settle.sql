-- Money that a customer has transferred: taken without having been promised.
alter table transfer
    drop constraint transfer_kind_check,
    add constraint transfer_kind_check
        check (kind in ('authorize', 'void', 'capture', 'refund', 'settle'));
