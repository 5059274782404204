-- settle_unknown: no answer, or a bad one, means try again.
WITH given_up AS (
  UPDATE attempts SET state = 'refused', reason = 'not_sent', http_status = $3
  WHERE id = $1 AND state = 'sending' AND $2::text IS NOT NULL RETURNING job_id
)
UPDATE jobs SET state = 'pending', lease_token = NULL, lease_until = NULL, due_at = switchboard_now() + interval '1 minute'
FROM given_up WHERE jobs.id = given_up.job_id RETURNING jobs.id
