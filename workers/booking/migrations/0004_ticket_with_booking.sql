-- Tickets are written with their booking, by one statement, and neither is ever deleted: to look for the booking of each
-- ticket, and to lock it, cost more than to write the ticket.
alter table ticket drop constraint ticket_booking_ref_fkey;
