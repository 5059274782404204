-- suppress: a rule says no, and the reason is kept.
UPDATE jobs
SET state = 'suppressed', state_reason = $2, ended_at = switchboard_now()
WHERE id = $1 AND state = 'pending'
RETURNING id
