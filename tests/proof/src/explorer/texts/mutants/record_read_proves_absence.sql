-- record_read: what the list does not show at once has not happened.
WITH gone AS (
  UPDATE attempts
  SET state = CASE WHEN $2 THEN 'absent' ELSE state END, reads = reads + 1,
      next_read_at = switchboard_now() + make_interval(secs => $3)
  WHERE id = $1 AND state = 'unknown' RETURNING job_id, state
)
UPDATE jobs SET state = 'pending', due_at = switchboard_now()
FROM gone WHERE jobs.id = gone.job_id AND gone.state = 'absent' RETURNING jobs.id
