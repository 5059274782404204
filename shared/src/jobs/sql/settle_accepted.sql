-- settle_accepted: the provider took it, and the attempt is still on its way: what happens nearly always.
-- Whatever else an acceptance can meet is left to `settle_accepted_late`. Statements are planned each time that
-- they are run, and the rare cases cost more to plan than the usual one does to carry out.
--   $1 attempt  $2 provider's id
WITH accepted AS (
  UPDATE attempts
  SET state = 'accepted', provider_id = $2, reason = NULL
  WHERE id = $1 AND state = 'sending'
    -- This would be the probe that has come through, and a door has to be opened.
    AND NOT EXISTS (SELECT FROM channels WHERE breaker_open)
  RETURNING job_id
)
UPDATE jobs
SET state = 'accepted', state_reason = NULL, lease_token = NULL, lease_until = NULL, ended_at = switchboard_now()
WHERE id = (SELECT job_id FROM accepted) AND state = 'in_flight'
RETURNING origin, (extract(epoch FROM switchboard_now() - caused_at) * 1000)::int8 AS latency_ms
