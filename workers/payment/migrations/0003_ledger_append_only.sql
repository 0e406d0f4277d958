-- Books are corrected by another transfer, never by a pen.
create function ledger_is_append_only() returns trigger language plpgsql as $$
begin
    raise exception 'the ledger is append-only' using errcode = 'insufficient_privilege';
end $$;

create trigger transfer_append_only before update or delete on transfer
    for each row execute function ledger_is_append_only();
create trigger entry_append_only before update or delete on entry
    for each row execute function ledger_is_append_only();
