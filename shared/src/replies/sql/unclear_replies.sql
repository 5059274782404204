-- unclear_replies: answers of which no report has told within the hour whether they arrived, the longest ago first.
-- WhatsApp has no list to look them up in: a person decides, with the words in front of them.
--   $1 at most
WITH unclear AS (
  SELECT attempt.id, attempt.job_id FROM attempts AS attempt JOIN jobs AS job ON job.id = attempt.job_id
  WHERE attempt.channel = 'whatsapp' AND attempt.state = 'unknown' AND attempt.granted_at <= switchboard_now() - interval '55 minutes'
    AND job.state = 'unknown'
  ORDER BY attempt.granted_at
  LIMIT $1
  FOR UPDATE OF job, attempt SKIP LOCKED
),
unresolved AS (
  UPDATE attempts SET state = 'unresolved' FROM unclear WHERE attempts.id = unclear.id RETURNING attempts.job_id
)
UPDATE jobs
SET state = 'needs_human', state_reason = 'nobody_knows_whether_it_arrived', ended_at = switchboard_now()
FROM unresolved WHERE jobs.id = unresolved.job_id
RETURNING jobs.id
