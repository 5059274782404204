-- hand_over: no evidence within the hour, so a person decides. A late callback can still settle it.
WITH asked AS (
  SELECT attempt.id FROM jobs AS job JOIN attempts AS attempt ON attempt.job_id = job.id
  WHERE attempt.id = $1
  FOR UPDATE OF attempt, job
),
unresolved AS (
  UPDATE attempts SET state = 'unresolved'
  FROM asked
  WHERE attempts.id = asked.id AND attempts.state = 'unknown'
  RETURNING attempts.job_id
)
UPDATE jobs
SET state = 'needs_human', state_reason = $2, ended_at = switchboard_now()
FROM unresolved
WHERE jobs.id = unresolved.job_id AND jobs.state = 'unknown'
RETURNING jobs.id
