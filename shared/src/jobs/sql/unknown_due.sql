-- unknown_due: texts that it is time to look up with the provider.
SELECT attempt.id, attempt.sender, attempt.recipient, attempt.content, attempt.granted_at,
       attempt.empty_reads::int4 AS empty_reads, attempt.last_empty_read_at, attempt.reads::int4 AS reads,
       switchboard_now() AS now,
       -- Messages between the two that are known to belong to other attempts.
       ARRAY(SELECT other.provider_id FROM attempts AS other
             WHERE other.sender = attempt.sender AND other.recipient = attempt.recipient
               AND other.provider_id IS NOT NULL AND other.granted_at >= attempt.granted_at - interval '1 day') AS claimed_ids
FROM attempts AS attempt
WHERE attempt.channel = 'sms' AND attempt.state = 'unknown' AND attempt.next_read_at <= switchboard_now()
  AND EXISTS (SELECT FROM jobs WHERE jobs.id = attempt.job_id AND jobs.state = 'unknown')
ORDER BY attempt.next_read_at, attempt.granted_at, attempt.recipient
LIMIT $1
