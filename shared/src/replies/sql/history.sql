-- history: what was said in a conversation until now, the oldest first.
--   $1 conversation  $2 messages at most
SELECT author, type, body
FROM (SELECT author, type, body, sent_at, id FROM messages
      WHERE conversation_id = $1 AND revoked_at IS NULL
      ORDER BY sent_at DESC, id DESC LIMIT $2) AS latest
ORDER BY sent_at, id
