-- settle_accepted_late: a flag that is set already is all that there is to know.
SELECT 'already_settled' AS settlement, NULL::text AS origin, NULL::int8 AS latency_ms
WHERE $1::uuid IS NOT NULL AND $2::text IS NOT NULL AND $3::bool IS NOT NULL
