-- rescue: what a vanished worker had in hand is simply handed out again, as a queue would.
WITH abandoned AS (
  SELECT attempt.id, attempt.job_id FROM jobs AS job JOIN attempts AS attempt ON attempt.job_id = job.id
  WHERE job.state = 'in_flight' AND job.lease_until <= switchboard_now() AND attempt.state = 'sending'
  LIMIT $1
),
given_up AS (
  UPDATE attempts SET state = 'refused', reason = 'not_sent'
  FROM abandoned WHERE attempts.id = abandoned.id RETURNING attempts.job_id
)
UPDATE jobs SET state = 'pending', lease_token = NULL, lease_until = NULL, due_at = switchboard_now()
FROM given_up WHERE jobs.id = given_up.job_id RETURNING jobs.id
