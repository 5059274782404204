-- unprojected: calls that were taken and do not stand in their customers' rows yet.
SELECT id FROM jobs
WHERE customer_id IS NOT NULL AND state = 'accepted' AND NOT projected
ORDER BY ended_at
LIMIT $1
