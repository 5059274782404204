-- unprojected_replies: answers that were taken and do not stand in their threads yet, the longest ago first.
--   $1 at most
SELECT id FROM jobs
WHERE conversation_id IS NOT NULL AND state = 'accepted' AND NOT projected
ORDER BY ended_at
LIMIT $1
