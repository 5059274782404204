-- settle_refused: a definite "no" to exactly this request.
--   $1 attempt  $2 HTTP status  $3 provider's code  $4 reason
--   $5 seconds until the next try, NULL for never
--   $6 seconds for which the channel is closed, NULL for not at all
--   $7 our credentials were refused  $8 the person opted out with the provider
WITH asked AS (
  SELECT attempt.id FROM jobs AS job JOIN attempts AS attempt ON attempt.job_id = job.id
  WHERE attempt.id = $1
  FOR UPDATE OF attempt, job
),
refused AS (
  UPDATE attempts
  SET state = 'refused', http_status = $2, provider_code = $3, reason = $4,
      -- A no that closes the channel is one to everybody. A text is tried three times all the same: it is soon stale.
      counts = $6::float8 IS NULL OR channel = 'sms'
  FROM asked
  WHERE attempts.id = asked.id AND attempts.state = 'sending'
  RETURNING attempts.job_id, attempts.channel, attempts.recipient,
            -- As this statement found them, when this attempt counted still.
            (SELECT count(*) FROM attempts AS tried WHERE tried.job_id = attempts.job_id AND tried.counts)
              - (attempts.channel = 'call' AND $6::float8 IS NOT NULL)::int AS tries
),
job AS (
  UPDATE jobs
  SET (state, state_reason, due_at, ended_at) = (
        SELECT next.state, CASE WHEN next.state = 'pending' THEN NULL ELSE $4 END,
               CASE WHEN next.state = 'pending' THEN switchboard_now() + make_interval(secs => $5) ELSE jobs.due_at END,
               CASE WHEN next.state = 'pending' THEN NULL ELSE switchboard_now() END
        FROM (SELECT CASE WHEN $5::float8 IS NULL THEN 'refused'
                          WHEN refused.tries >= 3 THEN 'dead'
                          WHEN switchboard_now() + make_interval(secs => $5) >= jobs.expires_at THEN 'dead'
                          ELSE 'pending' END AS state) AS next),
      lease_token = NULL, lease_until = NULL
  FROM refused
  WHERE jobs.id = refused.job_id AND jobs.state = 'in_flight'
  RETURNING jobs.state
),
door AS (
  UPDATE channels
  SET (not_before, breaker_open, reason) = (
        SELECT CASE WHEN closes THEN greatest(not_before, switchboard_now() + make_interval(secs => $6)) END,
               CASE WHEN closes THEN breaker_open OR $7 ELSE false END,
               CASE WHEN closes THEN $4 END
        FROM (SELECT $6::float8 IS NOT NULL AS closes) AS answer)
  FROM refused
  WHERE channels.channel = refused.channel
    -- Closed for as long as the provider said; opened again by any answer to this request itself, because
    -- that proves our credentials.
    AND ($6::float8 IS NOT NULL OR channels.breaker_open AND $2 IN (400, 404, 405, 413, 415, 422))
),
stop AS (
  INSERT INTO opt_outs (phone, source)
  SELECT recipient, 'provider:' || channel FROM refused WHERE $8 AND recipient IS NOT NULL
  ON CONFLICT (phone) WHERE revoked_at IS NULL DO NOTHING
)
SELECT (SELECT state FROM job) AS state
