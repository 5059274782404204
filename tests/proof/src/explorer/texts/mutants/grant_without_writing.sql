-- grant: looks, and writes nothing down before the request leaves.
SELECT id, recipient, 1 AS attempt_no FROM jobs
WHERE id = $1 AND $2 <> '' AND state = 'pending' AND due_at <= switchboard_now() AND switchboard_now() < expires_at
