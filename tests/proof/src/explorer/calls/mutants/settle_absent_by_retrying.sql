-- settle_absent: what never arrived is tried again at once.
WITH absent AS (
  UPDATE attempts
  SET state = 'absent', reads = reads + 1, last_empty_read_at = switchboard_now(),
      empty_reads = empty_reads + coalesce(last_empty_read_at <= switchboard_now() - interval '5 minutes', true)::int
  WHERE id = $1 AND state = 'unknown' RETURNING job_id
)
UPDATE jobs SET state = 'pending', due_at = switchboard_now()
FROM absent WHERE jobs.id = absent.job_id AND jobs.state = 'unknown' RETURNING jobs.state
