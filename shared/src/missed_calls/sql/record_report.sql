-- record_report: what one source knows about how a call went. The first verdict stands, whoever brings it,
-- and a missed call owes its caller a text from the same commit on.
--   $1 CallSid  $2 caller  $3 line  $4 status  $5 dial status  $6 when the call began, NULL for now
--   $7 when it ended, NULL for now if it is over  $8 verdict, NULL when there is none yet  $9 source
--   $10 the line exists in the settings  $11 seconds after which a text is of no use  $12 the call is over
-- Other clocks may be ahead of ours, but nothing that is reported has yet to happen.
WITH said AS (
  -- An operator can leave a line's missed calls to the poller alone.
  SELECT CASE WHEN $9 <> 'poller' AND EXISTS (SELECT FROM lines WHERE number = $3 AND NOT fast_path)
              THEN NULL ELSE $8 END AS verdict
),
call AS (
  INSERT INTO active_calls (call_sid, caller, line, status, dial_status, received_at, ended_at,
                            outcome, decided_by, processed, processed_at)
  SELECT $1, $2, $3, $4, $5, least(coalesce($6, switchboard_now()), switchboard_now()),
         CASE WHEN $12 THEN least(coalesce($7, switchboard_now()), switchboard_now()) END,
         verdict, CASE WHEN verdict IS NOT NULL THEN $9 END, verdict IS NOT NULL,
         CASE WHEN verdict IS NOT NULL THEN switchboard_now() END
  FROM said
  -- A call that was recorded is concluded, whatever has become of its line.
  WHERE $10 OR EXISTS (SELECT FROM lines WHERE number = $3)
     OR EXISTS (SELECT FROM active_calls WHERE call_sid = $1)
  ON CONFLICT (call_sid) DO UPDATE
    SET status = CASE WHEN call_status_rank(EXCLUDED.status) > call_status_rank(active_calls.status)
                      THEN EXCLUDED.status ELSE active_calls.status END,
        dial_status = coalesce(active_calls.dial_status, EXCLUDED.dial_status),
        ended_at = coalesce(active_calls.ended_at, EXCLUDED.ended_at),
        outcome = coalesce(active_calls.outcome, EXCLUDED.outcome),
        decided_by = coalesce(active_calls.decided_by, EXCLUDED.decided_by),
        processed = active_calls.processed OR EXCLUDED.processed,
        processed_at = coalesce(active_calls.processed_at, EXCLUDED.processed_at)
  -- Everything below reads the row that stands, not the report.
  RETURNING call_sid, caller, line, outcome, decided_by, received_at, ended_at
),
job AS (
  INSERT INTO jobs (kind, cause, recipient, line, origin, caused_at, due_at, expires_at)
  SELECT 'missed_call_text', call_sid, caller, line, $9,
         coalesce(ended_at, switchboard_now()), coalesce(ended_at, switchboard_now()),
         coalesce(ended_at, switchboard_now()) + make_interval(secs => $11)
  FROM call, said
  WHERE outcome = 'missed' AND verdict = 'missed'
  ON CONFLICT ON CONSTRAINT one_job_per_cause DO NOTHING
  RETURNING id, coalesce(recipient, cause) AS person
)
SELECT (SELECT outcome FROM call) AS outcome, (SELECT decided_by FROM call) AS decided_by,
       EXISTS (SELECT FROM call) AS recorded,
       (SELECT id FROM job) AS job, (SELECT person FROM job) AS person
