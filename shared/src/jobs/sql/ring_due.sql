-- ring_due: due jobs whose doorbell was lost or never rung, the longest due first; calls last, for they have hours
-- and may be waiting for one another by the thousand.
-- Passed over on the way are only those that were rung within the last fifteen seconds: at most what one sweep
-- rings and what has come since, for which no index is worth its upkeep.
WITH rung AS (
  UPDATE jobs
  SET rings = rings + 1, rung_at = switchboard_now()
  WHERE id IN (SELECT id FROM jobs
               WHERE state = 'pending' AND due_at <= switchboard_now() AND switchboard_now() < expires_at
                 AND (rung_at < due_at OR rung_at <= switchboard_now() - interval '15 seconds')
               ORDER BY customer_id IS NOT NULL, due_at
               LIMIT $1
               FOR UPDATE SKIP LOCKED)
  RETURNING id, coalesce(customer_id, 'conversation ' || conversation_id, recipient, cause) AS person,
            CASE WHEN customer_id IS NOT NULL THEN 'call' WHEN conversation_id IS NOT NULL THEN 'reply' ELSE 'text' END AS workflow,
            rings, due_at, cause
)
SELECT id, person, workflow, rings FROM rung ORDER BY due_at, cause
