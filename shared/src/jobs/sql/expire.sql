-- expire: what was not done in time is not done at all, and says so.
UPDATE jobs
SET state = 'suppressed', state_reason = 'expired', ended_at = switchboard_now()
WHERE id IN (SELECT id FROM jobs WHERE state = 'pending' AND expires_at <= switchboard_now()
             ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED)
RETURNING id
