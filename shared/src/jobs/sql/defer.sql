-- defer: not now, and no fault of the job's. At most to just before its expiry.
UPDATE jobs
SET due_at = greatest(due_at, least(
      greatest(switchboard_now() + make_interval(secs => $2),
               (SELECT max(not_before) FROM channels)),
      expires_at - interval '1 second'))
WHERE id = $1 AND state = 'pending'
RETURNING id
