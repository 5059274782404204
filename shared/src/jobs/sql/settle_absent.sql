-- settle_absent: proven not to have happened, so that another attempt is allowed.
-- The reading that completes the proof is recorded with it.
WITH asked AS (
  SELECT attempt.id FROM jobs AS job JOIN attempts AS attempt ON attempt.job_id = job.id
  WHERE attempt.id = $1
  FOR UPDATE OF attempt, job
),
absent AS (
  UPDATE attempts
  SET state = 'absent', reads = reads + 1, last_empty_read_at = switchboard_now(),
      empty_reads = empty_reads + coalesce(last_empty_read_at <= switchboard_now() - interval '5 minutes', true)::int
  FROM asked
  WHERE attempts.id = asked.id AND attempts.state = 'unknown'
  RETURNING attempts.job_id, attempts.attempt_no
)
UPDATE jobs
SET state = CASE WHEN absent.attempt_no >= 3 OR jobs.expires_at <= switchboard_now() THEN 'dead' ELSE 'pending' END,
    state_reason = CASE WHEN absent.attempt_no >= 3 THEN 'three attempts, none arrived'
                        WHEN jobs.expires_at <= switchboard_now() THEN 'proven absent after it had expired' END,
    ended_at = CASE WHEN absent.attempt_no >= 3 OR jobs.expires_at <= switchboard_now() THEN switchboard_now() END,
    due_at = CASE WHEN jobs.expires_at <= switchboard_now() THEN jobs.due_at ELSE switchboard_now() END
FROM absent
WHERE jobs.id = absent.job_id AND jobs.state = 'unknown'
RETURNING jobs.state
