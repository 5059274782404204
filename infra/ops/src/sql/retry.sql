-- retry: an answer that came to nothing is tried again, by a job of its own, and what a person was asked about it is done.
-- What may have arrived is never tried again. Of two who try at once the second finds the first one's job. The guard of
-- `attempts` has the last word.
--   $1 the job that came to nothing
WITH owed AS (
  SELECT job.message_id, job.conversation_id, job.caused_at, message.provider_message_id AS wamid,
         (addressee_of(message, contact)).phone AS recipient, replying.answer_within,
         (SELECT count(*) FROM jobs AS earlier WHERE earlier.message_id = job.message_id) AS tries,
         (SELECT state FROM attempts AS earlier
          WHERE earlier.message_id = job.message_id AND earlier.channel = 'whatsapp' AND earlier.state <> 'refused') AS attempt,
         EXISTS (SELECT FROM duplicate_evidence AS evidence JOIN attempts AS earlier ON earlier.id = evidence.attempt_id
                 WHERE earlier.message_id = job.message_id) AS arrived_after_all,
         EXISTS (SELECT FROM jobs AS other
                 WHERE other.message_id = job.message_id AND other.state IN ('pending', 'in_flight', 'unknown')) AS is_tried,
         nullif(rule_against_replying(job, switchboard_now()), 'an_answer_is_drafted') AS rule
  FROM jobs AS job
  JOIN messages AS message ON message.id = job.message_id
  JOIN conversations AS conversation ON conversation.id = job.conversation_id
  JOIN contacts AS contact ON contact.id = conversation.contact_id
  CROSS JOIN replying
  WHERE job.kind = 'whatsapp_reply'
    AND job.id = CASE WHEN $1 ~* '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$' THEN $1::uuid END
),
tried AS (
  -- What caused it is still the message: who has written since then has read it. Nobody has rung for it.
  INSERT INTO jobs (kind, cause, recipient, conversation_id, message_id, origin, caused_at, due_at, expires_at, rings, rung_at)
  SELECT 'whatsapp_reply', wamid || ' by hand ' || tries, recipient, conversation_id, message_id, 'by_hand', caused_at,
         switchboard_now(), switchboard_now() + answer_within, 0, switchboard_now() - interval '1 minute'
  FROM owed
  WHERE attempt IS NULL AND NOT arrived_after_all AND NOT is_tried AND rule IS NULL
  ON CONFLICT ON CONSTRAINT one_job_per_cause DO NOTHING
  RETURNING id, message_id, conversation_id
),
done AS (
  UPDATE tasks SET done_at = switchboard_now()
  FROM tried
  WHERE tasks.done_at IS NULL AND tasks.conversation_id = tried.conversation_id
    -- A number that is right is right for everything in its conversation.
    AND (tasks.kind = 'invalid_phone'
         OR tasks.kind IN ('not_answered', 'handed_over')
            AND tasks.job_id IN (SELECT id FROM jobs AS earlier WHERE earlier.message_id = tried.message_id))
)
SELECT (SELECT id::text FROM tried) AS job, attempt, arrived_after_all, is_tried, rule FROM owed
