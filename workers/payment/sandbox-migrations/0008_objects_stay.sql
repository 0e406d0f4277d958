-- A charge is written by the statement that locks its authorization or request, and objects are never deleted: to look for
-- them once more, and to lock them, cost more than to write the charge.
alter table charge
    drop constraint charge_authorization_id_fkey,
    drop constraint charge_request_id_fkey;
