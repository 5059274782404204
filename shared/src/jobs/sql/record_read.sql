-- record_read: the provider's list was read and did not settle the attempt.
--   $1 attempt  $2 complete and empty  $3 seconds until the next reading
UPDATE attempts
SET reads = reads + 1,
    -- Two readings within five minutes are one observation.
    empty_reads = empty_reads + ($2 AND coalesce(last_empty_read_at <= switchboard_now() - interval '5 minutes', true))::int,
    last_empty_read_at = CASE WHEN $2 AND coalesce(last_empty_read_at <= switchboard_now() - interval '5 minutes', true)
                              THEN switchboard_now() ELSE last_empty_read_at END,
    next_read_at = switchboard_now() + make_interval(secs => $3)
WHERE id = $1 AND state = 'unknown'
RETURNING id
