-- settle_unknown: a 408 counts as a refusal.
WITH settled AS (
  UPDATE attempts
  SET state = CASE WHEN $3 = 408 THEN 'refused' ELSE 'unknown' END, reason = $2, http_status = $3,
      next_read_at = CASE WHEN $3 = 408 THEN NULL ELSE granted_at + interval '2 minutes' END
  WHERE id = $1 AND state = 'sending' RETURNING job_id, state
)
UPDATE jobs
SET state = CASE settled.state WHEN 'refused' THEN 'pending' ELSE 'unknown' END, state_reason = $2,
    lease_token = NULL, lease_until = NULL
FROM settled WHERE jobs.id = settled.job_id RETURNING jobs.id
