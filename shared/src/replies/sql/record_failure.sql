-- record_failure: an answer could not be drafted. The third time it is left to a person.
--   $1 job  $2 seconds until the next try
UPDATE jobs
SET failures = failures + 1,
    due_at = least(switchboard_now() + make_interval(secs => $2), expires_at - interval '1 microsecond'),
    state = CASE WHEN failures >= 2 THEN 'dead' ELSE state END,
    state_reason = CASE WHEN failures >= 2 THEN 'no_answer_could_be_drafted' ELSE state_reason END,
    ended_at = CASE WHEN failures >= 2 THEN switchboard_now() END
WHERE id = $1 AND state = 'pending'
RETURNING state, failures::int4 AS failures
