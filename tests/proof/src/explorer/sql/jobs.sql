SELECT job.id::text AS id, job.cause, job.recipient::text AS recipient, job.origin, job.state, job.state_reason,
       job.ended_at IS NOT NULL AS is_dated, (SELECT count(*) FROM attempts WHERE job_id = job.id) AS attempts,
       EXISTS (SELECT FROM attempts WHERE job_id = job.id AND state = 'absent') AS was_absent,
       EXISTS (SELECT FROM attempts WHERE job_id = job.id AND state = 'accepted' AND next_read_at IS NOT NULL) AS was_unknown
FROM jobs AS job ORDER BY job.cause
