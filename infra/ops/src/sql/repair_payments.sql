-- repair_payments: customers whose row does not say what their payments come to.
--   $1 put it right
WITH wrong AS (
  SELECT customer.id, customer.payment_status AS status_was, customer.paid_at AS paid_at_was, standing.payment_status, standing.paid_at
  FROM customers AS customer CROSS JOIN LATERAL payment_standing(customer.id) AS standing
  WHERE (customer.payment_status, customer.paid_at) IS DISTINCT FROM (standing.payment_status, standing.paid_at)
),
repaired AS (
  UPDATE customers SET payment_status = wrong.payment_status, paid_at = wrong.paid_at, updated_at = switchboard_now()
  FROM wrong WHERE $1 AND customers.id = wrong.id
    -- An event that was committed meanwhile knows better.
    AND (customers.payment_status, customers.paid_at) IS NOT DISTINCT FROM (wrong.status_was, wrong.paid_at_was)
)
SELECT id AS customer_id,
       status_was || coalesce(to_char(paid_at_was AT TIME ZONE 'UTC', ' "(first paid" YYYY-MM-DD)'), '') AS was,
       payment_status || coalesce(to_char(paid_at AT TIME ZONE 'UTC', ' "(first paid" YYYY-MM-DD)'), '') AS becomes
FROM wrong ORDER BY id
