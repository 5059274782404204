-- repair_last_calls: customers whose row says that their last call was earlier than the ledger has it.
--   $1 put it right
WITH called AS (
  SELECT customer_id, max(local_day) AS day, max(settled_at) AS settled_at
  FROM attempts WHERE channel = 'call' AND state = 'accepted' GROUP BY customer_id
),
wrong AS (
  SELECT customer.id, customer.last_call_date, called.day
  FROM called JOIN customers AS customer ON customer.id = called.customer_id
  WHERE (customer.last_call_date IS NULL OR customer.last_call_date < called.day)
    AND called.settled_at < switchboard_now() - interval '5 minutes'
),
repaired AS (
  UPDATE customers SET last_call_date = wrong.day, updated_at = switchboard_now()
  FROM wrong WHERE $1 AND customers.id = wrong.id
)
SELECT id AS customer_id, coalesce(last_call_date::text, 'none') AS was, day::text AS becomes FROM wrong ORDER BY id
