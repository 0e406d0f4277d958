-- Room for the capture of an authorization on its page, and no index entry for charges that belong to no request.
alter table authorization_ set (fillfactor = 80);

drop index charge_by_request;
create unique index charge_by_request on charge (request_id) where request_id is not null;
