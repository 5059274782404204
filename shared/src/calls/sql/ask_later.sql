-- ask_later: how a call ended could not be found out yet.
--   $1 attempt  $2 seconds until it is asked for again
UPDATE attempts SET next_read_at = switchboard_now() + make_interval(secs => $2)
WHERE id = $1 AND state = 'accepted' AND next_read_at IS NOT NULL
RETURNING id
