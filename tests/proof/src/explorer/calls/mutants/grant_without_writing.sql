-- grant: looks, and writes nothing down before the request leaves.
SELECT job.id, customer.phone AS recipient, 1 AS attempt_no
FROM jobs AS job JOIN customers AS customer ON customer.id = job.customer_id
WHERE job.id = $1 AND $2 <> '' AND job.state = 'pending' AND job.due_at <= switchboard_now() AND switchboard_now() < job.expires_at
