-- record_read: the provider's list was read and did not settle the attempt.
--   $1 attempt  $2 complete and empty  $3 seconds until the next reading
-- It is dated by when it is written down, which is never before the list was read. Whoever was frozen in between
-- makes an old reading look like a later one, and by that can only put the proof off: what proves absence is a
-- reading dated before its request left (`unknown_due` says when), five minutes after this date. The two lists
-- are then at least as far apart.
UPDATE attempts
SET reads = reads + 1,
    -- Two readings within five minutes are one observation.
    empty_reads = empty_reads + ($2 AND coalesce(last_empty_read_at <= switchboard_now() - interval '5 minutes', true))::int,
    last_empty_read_at = CASE WHEN $2 AND coalesce(last_empty_read_at <= switchboard_now() - interval '5 minutes', true)
                              THEN switchboard_now() ELSE last_empty_read_at END,
    next_read_at = switchboard_now() + make_interval(secs => $3)
WHERE id = $1 AND state = 'unknown'
RETURNING id
