SELECT job.id::text AS id, job.kind, job.customer_id, job.local_day::text AS local_day, job.state, job.state_reason, job.caused_at,
       job.expires_at, job.created_at, job.ended_at, job.projected
FROM jobs AS job ORDER BY job.caused_at, job.customer_id
