-- settle_accepted: sets a flag after the fact.
UPDATE jobs SET state = 'accepted', ended_at = switchboard_now()
WHERE id = $1 AND state = 'pending' AND $2::text IS NOT NULL
RETURNING origin, NULL::int8 AS latency_ms
