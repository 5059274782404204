-- next_due: the first moment at which a function has something to do that follows from what stands in the database; it
-- may be over. NULL if nothing is to come.
SELECT min(at) AS at
FROM (
  -- The scheduler's.
  SELECT min(next_call_scheduled_at) AS at
  FROM customers
  WHERE NOT (SELECT paused FROM calling)
    AND NOT EXISTS (SELECT FROM jobs WHERE jobs.customer_id = customers.id AND jobs.state IN ('pending', 'in_flight', 'unknown'))
  UNION ALL
  -- The runner's, and the sweeper's.
  SELECT min(least(due_at, expires_at)) FROM jobs WHERE state = 'pending'
  UNION ALL
  SELECT min(lease_until) FROM jobs WHERE state = 'in_flight'
  UNION ALL
  SELECT min(ended_at) FROM jobs WHERE customer_id IS NOT NULL AND state = 'accepted' AND NOT projected
  UNION ALL
  SELECT min(next_read_at) FROM attempts WHERE state IN ('unknown', 'accepted')
  UNION ALL
  -- The poller's, which lets callbacks have half a minute.
  SELECT min(received_at + interval '30 seconds') FROM active_calls WHERE NOT processed
) AS due
