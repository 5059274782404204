-- record_result: what is told of a call that is known to be placed; nearly always our own answer has come first.
-- Where it has not, nothing is recorded, for what the telling proves is worth more than itself.
-- Of two tellings that one counts which knows more: the customer's words before everything, then the results in the
-- order below. So the row is the same in whatever order, and however often, they come.
--   $1 attempt, NULL if none is named  $2 Vapi's id of the call  $3 result, NULL while it goes on  $4 Vapi's word
--   $5 when it began  $6 when it ended  $7 the customer spoke  $8 who tells  $9 the customer wants no more calls
--   $10 what it proves is settled: record it whatever that was
WITH attempt AS (
  SELECT id, job_id, customer_id, recipient, granted_at FROM attempts
  WHERE channel = 'call'
    AND (state = 'accepted' AND provider_id = $2 AND ($1::uuid IS NULL OR id = $1) OR $10 AND id = $1)
),
told AS (
  INSERT INTO call_results AS known (provider_id, result, ended_reason, started_at, ended_at, customer_spoke, told_by)
  SELECT $2, $3, $4, $5::timestamptz, $6::timestamptz, $7::boolean, $8 FROM attempt WHERE $3::text IS NOT NULL
  ON CONFLICT (provider_id) DO UPDATE
  SET (result, ended_reason, customer_spoke) = (
        SELECT telling.result, telling.ended_reason, telling.customer_spoke
        FROM (VALUES (known.result, known.ended_reason, known.customer_spoke),
                     (EXCLUDED.result, EXCLUDED.ended_reason, EXCLUDED.customer_spoke))
             AS telling (result, ended_reason, customer_spoke)
        ORDER BY telling.customer_spoke DESC,
                 array_position(ARRAY['unclear', 'failed', 'not_placed', 'busy', 'no_answer', 'voicemail', 'answered'],
                                telling.result) DESC,
                 telling.ended_reason DESC NULLS LAST
        LIMIT 1),
      started_at = least(known.started_at, EXCLUDED.started_at),
      ended_at = greatest(known.ended_at, EXCLUDED.ended_at),
      told_by = greatest(known.told_by, EXCLUDED.told_by)
),
-- The next call may begin. Nobody has to ask how this one went any more if the telling says all there is: the
-- provider's record does, and so does that nobody answered. That a call is over may be told without a word of what was
-- said in it, and the message with the words may be lost: then the record is read.
over AS (
  UPDATE attempts
  SET next_read_at = CASE WHEN $7 OR $8 = 'poll' OR $3 IN ('no_answer', 'busy', 'not_placed') THEN NULL
                          ELSE least(next_read_at, switchboard_now() + interval '2 minutes') END
  FROM attempt
  WHERE attempts.id = attempt.id AND attempts.provider_id = $2 AND attempts.next_read_at IS NOT NULL AND $3 IS NOT NULL
),
stop AS (
  INSERT INTO opt_outs (phone, source)
  SELECT phone, 'call' FROM (
    SELECT recipient AS phone, granted_at FROM attempt
    UNION
    -- They may have another number by now.
    SELECT customers.phone, granted_at FROM attempt JOIN customers ON customers.id = attempt.customer_id
    WHERE customers.phone IS NOT NULL) AS theirs
  WHERE $9
    -- Heard from this call before: they may have changed their mind since.
    AND NOT EXISTS (SELECT FROM opt_outs
                    WHERE opt_outs.phone = theirs.phone AND source = 'call' AND opted_out_at >= granted_at)
  ON CONFLICT (phone) WHERE revoked_at IS NULL DO NOTHING
  RETURNING phone
)
SELECT EXISTS (SELECT FROM attempt) AS is_known,
       (SELECT channel FROM attempts WHERE id = $1) IS DISTINCT FROM 'sms' AS is_of_a_call,
       (SELECT jobs.id FROM attempt JOIN jobs ON jobs.id = attempt.job_id
        WHERE jobs.state = 'accepted' AND NOT jobs.projected) AS unprojected,
       EXISTS (SELECT FROM stop) AS has_stopped
