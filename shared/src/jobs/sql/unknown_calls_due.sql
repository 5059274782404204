-- unknown_calls_due: calls that it is time to look up with the provider.
SELECT attempt.id, attempt.recipient, attempt.granted_at, attempt.empty_reads::int4 AS empty_reads,
       attempt.last_empty_read_at, switchboard_now() AS now
FROM attempts AS attempt
WHERE attempt.channel = 'call' AND attempt.state = 'unknown' AND attempt.next_read_at <= switchboard_now()
  AND EXISTS (SELECT FROM jobs WHERE jobs.id = attempt.job_id AND jobs.state = 'unknown')
ORDER BY attempt.next_read_at, attempt.granted_at, attempt.recipient
LIMIT $1
