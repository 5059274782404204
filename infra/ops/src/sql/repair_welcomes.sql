-- repair_welcomes: customers whose row does not know of the welcome call that the ledger has. The sweeper writes that
-- down within a minute; what is older it has missed.
--   $1 put it right
WITH wrong AS (
  SELECT job.customer_id
  FROM jobs AS job JOIN customers AS customer ON customer.id = job.customer_id
  WHERE job.kind = 'welcome_call' AND (job.state = 'accepted' OR job.origin = 'legacy')
    AND NOT customer.welcome_call_completed AND job.ended_at < switchboard_now() - interval '5 minutes'
),
repaired AS (
  UPDATE customers SET welcome_call_completed = true, updated_at = switchboard_now()
  FROM wrong WHERE $1 AND customers.id = wrong.customer_id
)
SELECT customer_id, 'false' AS was, 'true' AS becomes FROM wrong ORDER BY customer_id
