-- pause_customer: one customer is not called from this commit on.
--   $1 customer  $2 until this moment; NULL until somebody resumes them
--   $3 until this moment of their own clock; NULL
WITH pause AS (
  SELECT id, coalesce($2, $3 AT TIME ZONE coalesce(timezone, 'UTC')) AS until FROM customers WHERE id = $1
),
paused AS (
  UPDATE customers
  SET paused_until = coalesce(pause.until, customers.paused_until),
      call_status = CASE WHEN pause.until IS NULL THEN 'disabled' ELSE customers.call_status END,
      updated_at = switchboard_now()
  FROM pause
  WHERE customers.id = pause.id AND (pause.until IS NULL OR pause.until > switchboard_now())
  RETURNING customers.id
)
SELECT pause.until, EXISTS (SELECT FROM paused) AS is_paused,
       (SELECT state FROM jobs WHERE customer_id = $1 AND state IN ('pending', 'in_flight', 'unknown')) AS live
FROM pause
