-- clock: what the database's clock shows, and the server's.
SELECT switchboard_now() AS shown, statement_timestamp() AS now
