-- ledger_health: what must not be in the ledger, and what should have gone on by itself.
SELECT (SELECT count(*) FROM undecided WHERE kind = 'evidence') AS evidence,
       (SELECT count(*) FROM undecided WHERE kind = 'job') AS for_a_person,
       -- Money that went back, and nobody has said to whom: whoever it is, is called on.
       (SELECT count(*) FROM payment_events
        WHERE customer_id IS NULL AND effect IN ('refunded', 'disputed', 'dispute_lost', 'ended')
          AND received_at > switchboard_now() - interval '7 days') AS nobodys_refunds,
       -- The sweeper's work, which it does every minute.
       (SELECT count(*) FROM jobs WHERE state = 'pending' AND expires_at < switchboard_now() - interval '5 minutes') AS not_expired,
       (SELECT count(*) FROM jobs WHERE state = 'in_flight' AND lease_until < switchboard_now() - interval '5 minutes') AS not_rescued,
       -- The scheduler's.
       (SELECT count(*) FROM customers
        WHERE next_call_scheduled_at < switchboard_now() - interval '5 minutes' AND NOT (SELECT paused FROM calling)
          AND NOT EXISTS (SELECT FROM jobs WHERE jobs.customer_id = customers.id
                          AND jobs.state IN ('pending', 'in_flight', 'unknown'))) AS not_scheduled,
       (SELECT ticked_at FROM ticks WHERE function = 'call-scheduler') AS ticked_at,
       (SELECT max(created_at) FROM jobs WHERE origin = 'scheduler') AS scheduled_at,
       (SELECT read_until FROM provider_watermarks WHERE name = 'twilio_calls') AS polled_until,
       switchboard_now() AS now
