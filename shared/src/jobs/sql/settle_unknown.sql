-- settle_unknown: it may or may not have happened; evidence decides.
WITH asked AS (
  SELECT attempt.id FROM jobs AS job JOIN attempts AS attempt ON attempt.job_id = job.id
  WHERE attempt.id = $1
  FOR UPDATE OF attempt, job
),
unclear AS (
  UPDATE attempts
  SET state = 'unknown', reason = $2, http_status = $3, next_read_at = granted_at + interval '2 minutes'
  FROM asked
  WHERE attempts.id = asked.id AND attempts.state = 'sending'
  RETURNING attempts.job_id
)
UPDATE jobs
SET state = 'unknown', state_reason = $2, lease_token = NULL, lease_until = NULL
FROM unclear
WHERE jobs.id = unclear.job_id AND jobs.state = 'in_flight'
