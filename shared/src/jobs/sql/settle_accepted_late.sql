-- settle_accepted_late: the provider took it, in every case that `settle_accepted` leaves: after others have
-- declared the attempt unclear, after it had ended, while the channel is closed. From our own answer, a callback
-- or the provider's list, in any order and any number of times; a second acceptance of one attempt is kept as
-- evidence.
--   $1 attempt  $2 provider's id
--   $3 it was found in the provider's list, by somebody who may have read it a while ago: worth something
--      only while the attempt is unknown, for until then there is no later text that it could be
WITH asked AS (
  SELECT attempt.id, attempt.job_id, attempt.channel, attempt.state, attempt.provider_id,
         EXISTS (SELECT FROM attempts AS other
                 WHERE other.channel = attempt.channel AND other.provider_id = $2 AND other.id <> attempt.id) AS id_is_taken
  FROM jobs AS job JOIN attempts AS attempt ON attempt.job_id = job.id
  WHERE attempt.id = $1
  FOR UPDATE OF attempt, job
),
accepted AS (
  UPDATE attempts
  SET state = 'accepted', provider_id = $2, reason = NULL
  FROM asked
  WHERE attempts.id = asked.id AND asked.state IN ('sending', 'unknown', 'unresolved') AND NOT asked.id_is_taken
    AND (NOT $3 OR asked.state = 'unknown')
  RETURNING attempts.job_id, attempts.channel, attempts.granted_at
),
job AS (
  UPDATE jobs
  SET state = 'accepted', state_reason = NULL, lease_token = NULL, lease_until = NULL, ended_at = switchboard_now()
  FROM accepted
  WHERE jobs.id = accepted.job_id AND jobs.state IN ('in_flight', 'unknown', 'needs_human')
  RETURNING jobs.origin, jobs.caused_at
),
-- What the provider took after all is never sent again: the evidence came before the next attempt did.
held AS (
  UPDATE jobs
  SET state = 'needs_human', state_reason = 'accepted while ' || asked.state, ended_at = switchboard_now()
  FROM asked
  WHERE jobs.id = asked.job_id AND jobs.state = 'pending' AND asked.state IN ('refused', 'absent') AND NOT $3
),
-- Our credentials work again: the probe has come through.
door AS (
  UPDATE channels SET breaker_open = false, not_before = NULL, reason = NULL
  FROM accepted
  WHERE channels.channel = accepted.channel AND channels.breaker_open
),
evidence AS (
  INSERT INTO duplicate_evidence (attempt_id, provider_id, note)
  SELECT $1, $2, CASE WHEN asked.id IS NULL THEN 'no such attempt'
                      WHEN asked.id_is_taken THEN 'the id belongs to another attempt'
                      ELSE 'accepted while ' || asked.state END
  FROM (SELECT) AS always LEFT JOIN asked ON true
  WHERE NOT EXISTS (SELECT FROM accepted) AND NOT $3
    AND NOT coalesce(asked.state = 'accepted' AND asked.provider_id = $2, false)
  ON CONFLICT DO NOTHING
)
SELECT CASE WHEN EXISTS (SELECT FROM accepted) THEN 'settled'
            WHEN $3 OR EXISTS (SELECT FROM asked WHERE state = 'accepted' AND provider_id = $2) THEN 'already_settled'
            ELSE 'contradicted' END AS settlement,
       (SELECT origin FROM job) AS origin,
       (SELECT (extract(epoch FROM switchboard_now() - caused_at) * 1000)::int8 FROM job) AS latency_ms
