-- resume_customer: one customer is called again, as far as we are concerned.
UPDATE customers
SET paused_until = NULL, call_status = 'enabled', updated_at = switchboard_now()
WHERE id = $1
RETURNING id
