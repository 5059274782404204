-- switches: how all calling is set, and since when.
SELECT paused, welcome_since, per_tick, at_a_time, price, currency, switchboard_now() AS now,
       (SELECT max(changed_at) FROM changes WHERE customer_id IS NULL) AS changed_at
FROM calling
