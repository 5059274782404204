-- take: a conversation is a person's, and no machine answers in it until it is handed back.
--   $1 conversation  $2 the person's email; NULL for whoever has it, or is there for it, or looks first
WITH taker AS (
  SELECT id FROM users WHERE lower(email) = lower($2) AND active
),
taken AS (
  UPDATE conversations
  SET handed_over_at = coalesce(handed_over_at, switchboard_now()),
      assigned_user_id = coalesce((SELECT id FROM taker), assigned_user_id, (SELECT hand_over_to FROM replying))
  WHERE id = $1 AND ($2 IS NULL OR EXISTS (SELECT FROM taker))
  RETURNING assigned_user_id
)
SELECT EXISTS (SELECT FROM taken) AS is_taken,
       (SELECT name FROM users WHERE id = (SELECT assigned_user_id FROM taken)) AS taker
FROM conversations WHERE id = $1
