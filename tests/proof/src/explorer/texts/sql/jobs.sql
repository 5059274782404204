SELECT job.id::text AS id, job.cause, job.recipient::text AS recipient, job.origin, job.state, job.state_reason, job.ended_at,
       (SELECT count(*) FROM attempts WHERE job_id = job.id) AS attempts,
       (SELECT max(granted_at) FROM attempts WHERE job_id = job.id) AS last_granted_at,
       EXISTS (SELECT FROM attempts WHERE job_id = job.id AND state = 'absent') AS was_absent,
       EXISTS (SELECT FROM attempts WHERE job_id = job.id AND state = 'accepted' AND next_read_at IS NOT NULL) AS was_unknown
FROM jobs AS job ORDER BY job.cause
