-- record_call: somebody rings a line. Remembers the call and answers how the line is set up.
--   $1 CallSid  $2 caller, NULL when there is none to reach  $3 line  $4 status  $5 the line exists in the settings
WITH call AS (
  INSERT INTO active_calls (call_sid, caller, line, status)
  SELECT $1, $2, $3::text, $4
  WHERE $5 OR EXISTS (SELECT FROM lines WHERE number = $3)
  ON CONFLICT (call_sid) DO UPDATE
    SET status = CASE WHEN call_status_rank(EXCLUDED.status) > call_status_rank(active_calls.status)
                      THEN EXCLUDED.status ELSE active_calls.status END
  RETURNING call_sid
)
SELECT line.number, line.forward_to, line.ring_seconds::int4 AS ring_seconds, EXISTS (SELECT FROM call) AS recorded
FROM (SELECT) AS always LEFT JOIN lines AS line ON line.number = $3
