-- defer: not now, and no fault of the job's. At least until its channel opens, at most to just before its expiry.
UPDATE jobs
SET due_at = greatest(due_at, least(
      greatest(switchboard_now() + make_interval(secs => $2),
               (SELECT not_before FROM channels
                WHERE channel = CASE WHEN jobs.customer_id IS NOT NULL THEN 'call'
                                     WHEN jobs.conversation_id IS NULL THEN 'sms'
                                     ELSE (SELECT lower(conversations.channel) FROM conversations
                                           WHERE conversations.id = jobs.conversation_id) END)),
      expires_at - interval '1 second'))
WHERE id = $1 AND state = 'pending'
RETURNING id
