-- project_reply: what was sent stands in the thread, as far as it has come by now: the table itself heeds the reports
-- that came before. Repeating it changes nothing.
--   $1 job
WITH sent AS (
  SELECT job.id AS job_id, job.conversation_id, conversation.contact_id, conversation.lead_id, attempt.id AS attempt_id,
         attempt.content, attempt.provider_id, attempt.granted_at, answered.provider_message_id AS reply_to
  FROM jobs AS job
  JOIN conversations AS conversation ON conversation.id = job.conversation_id
  JOIN attempts AS attempt ON attempt.job_id = job.id AND attempt.state = 'accepted'
  JOIN messages AS answered ON answered.id = job.message_id
  WHERE job.id = $1 AND job.state = 'accepted'
),
written AS (
  INSERT INTO messages (conversation_id, contact_id, lead_id, direction, author, channel, type, body, reply_to, provider_message_id,
                        attempt_id, status, sent_at)
  SELECT conversation_id, contact_id, lead_id, 'OUTBOUND', 'machine', 'WHATSAPP', 'text', content, reply_to, provider_id,
         attempt_id, 'SENT', granted_at
  FROM sent
  ON CONFLICT ON CONSTRAINT one_message_per_provider_id DO NOTHING
  RETURNING id, status
),
dated AS (
  UPDATE conversations
  SET last_outbound_at = greatest(last_outbound_at, sent.granted_at), last_message_at = greatest(last_message_at, sent.granted_at)
  FROM sent WHERE conversations.id = sent.conversation_id
),
marked AS (
  UPDATE jobs SET projected = true FROM sent WHERE jobs.id = sent.job_id
)
SELECT sent.conversation_id, sent.provider_id AS wamid, coalesce(written.id, there.id) AS message_id,
       coalesce(written.status, there.status, 'SENT') AS status
FROM sent
LEFT JOIN written ON true
LEFT JOIN messages AS there ON there.channel = 'WHATSAPP' AND there.provider_message_id = sent.provider_id
