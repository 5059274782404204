-- results_due: calls that were placed and of which nobody has told how they ended.
SELECT id, provider_id, granted_at, switchboard_now() AS now
FROM attempts
WHERE channel = 'call' AND state = 'accepted' AND next_read_at IS NOT NULL AND next_read_at <= switchboard_now()
ORDER BY next_read_at, granted_at, recipient
LIMIT $1
