-- settle_absent: proven not to have happened, so that another attempt is allowed: of a text at once, of a welcome call
-- at the same hour of the next day. A daily call's day is used.
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
  RETURNING attempts.job_id, (SELECT count(*) FROM attempts AS tried WHERE tried.job_id = attempts.job_id AND tried.counts) AS tries,
            coalesce(at_local_time(attempts.local_day + 1, attempts.local_time, attempts.timezone), switchboard_now()) AS next_due_at
),
next AS (
  SELECT absent.*, CASE WHEN jobs.kind = 'daily_call' THEN 'it never arrived, and its day is over'
                        WHEN absent.tries >= 3 THEN 'three attempts, none arrived'
                        WHEN jobs.expires_at <= absent.next_due_at THEN 'proven absent after it had expired' END AS why_dead
  FROM absent JOIN jobs ON jobs.id = absent.job_id
)
UPDATE jobs
SET state = CASE WHEN why_dead IS NULL THEN 'pending' ELSE 'dead' END,
    state_reason = why_dead,
    ended_at = CASE WHEN why_dead IS NOT NULL THEN switchboard_now() END,
    due_at = CASE WHEN why_dead IS NULL THEN next_due_at ELSE jobs.due_at END
FROM next
WHERE jobs.id = next.job_id AND jobs.state = 'unknown'
RETURNING jobs.state
