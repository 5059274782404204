-- rescue: a worker whose lease is over is gone. Whether its request left nobody knows, so the attempt is
-- unknown and never pending again.
WITH abandoned AS (
  SELECT attempt.id, attempt.job_id
  FROM jobs AS job JOIN attempts AS attempt ON attempt.job_id = job.id
  WHERE job.state = 'in_flight' AND job.lease_until <= switchboard_now() AND attempt.state = 'sending'
  ORDER BY job.lease_until
  LIMIT $1
  FOR UPDATE OF attempt, job SKIP LOCKED
),
unclear AS (
  UPDATE attempts
  SET state = 'unknown', reason = 'worker gone', next_read_at = granted_at + interval '2 minutes'
  FROM abandoned
  WHERE attempts.id = abandoned.id AND attempts.state = 'sending'
  RETURNING attempts.job_id
)
UPDATE jobs
SET state = 'unknown', state_reason = 'worker gone', lease_token = NULL, lease_until = NULL
FROM unclear
WHERE jobs.id = unclear.job_id
RETURNING jobs.id
