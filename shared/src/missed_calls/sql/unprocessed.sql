-- unprocessed: calls whose outcome nobody has told us, old enough that the callbacks have had their chance.
-- The one that was asked about longest ago comes first, so that none starves.
WITH checked AS (
  UPDATE active_calls SET checked_at = switchboard_now()
  WHERE call_sid IN (SELECT call_sid FROM active_calls
                     WHERE NOT processed AND received_at <= switchboard_now() - make_interval(secs => $1)
                     ORDER BY checked_at NULLS FIRST, received_at
                     LIMIT $2
                     FOR UPDATE SKIP LOCKED)
    AND NOT processed
  RETURNING call_sid, caller, line, received_at
)
SELECT call_sid, caller, line FROM checked ORDER BY received_at, call_sid
