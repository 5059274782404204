-- mark_not_found: Twilio knows no such call. Test calls have such ids; nothing is owed.
UPDATE active_calls
SET outcome = 'not_found', decided_by = 'poller', processed = true, processed_at = switchboard_now()
WHERE call_sid = $1 AND NOT processed
RETURNING call_sid
