-- hand_back: a conversation is the machine's again, and with it every other thread of the same person: whoever has one of
-- them keeps the machine quiet in all.
--   $1 conversation
WITH theirs AS (
  SELECT conversation.channel = 'WHATSAPP' AND conversation.group_id IS NULL AS is_answered, contact
  FROM conversations AS conversation JOIN contacts AS contact ON contact.id = conversation.contact_id
  WHERE conversation.id = $1
),
-- In the order in which a permit locks them.
threads AS MATERIALIZED (
  SELECT id, human_wrote_at FROM conversations
  WHERE id = $1 OR id IN (SELECT thread.id FROM theirs, threads_of(theirs.contact) AS thread WHERE theirs.is_answered)
  ORDER BY id
  FOR NO KEY UPDATE
),
freed AS (
  UPDATE conversations SET assigned_user_id = NULL, handed_over_at = NULL
  FROM threads
  WHERE conversations.id = threads.id AND num_nonnulls(conversations.assigned_user_id, conversations.handed_over_at) > 0
  RETURNING conversations.id
)
SELECT EXISTS (SELECT FROM freed) AS was_taken, theirs.is_answered, has_opted_out(theirs.contact) AS has_stopped, replying.paused,
       (SELECT max(human_wrote_at) + replying.quiet_after_human FROM threads
        WHERE human_wrote_at > switchboard_now() - replying.quiet_after_human) AS quiet_until,
       (SELECT string_agg(DISTINCT kind, ', ' ORDER BY kind) FROM tasks
        WHERE conversation_id IN (SELECT id FROM threads) AND done_at IS NULL) AS tasks
FROM theirs CROSS JOIN replying
