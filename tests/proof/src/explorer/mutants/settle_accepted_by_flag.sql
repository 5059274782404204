-- settle_accepted: sets a flag after the fact.
WITH flagged AS (
  UPDATE jobs SET state = 'accepted', ended_at = switchboard_now()
  WHERE id = $1 AND state = 'pending' AND $2::text IS NOT NULL AND ($3::text IS NULL OR $4::int8 IS NULL OR true)
  RETURNING origin
)
SELECT CASE WHEN EXISTS (SELECT FROM flagged) THEN 'settled' ELSE 'already_settled' END AS settlement,
       (SELECT origin FROM flagged) AS origin, NULL::int8 AS latency_ms
