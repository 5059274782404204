-- schedule_calls: what everybody whose time has come is owed. Choosing, locking, owing and planning anew are one
-- commit; two schedulers at once pass over what the other has.
--   $1 customers at most  $2 calls that this run has created already
WITH due AS (
  SELECT in_turn.*
  FROM (
    SELECT customer.*
    FROM customers AS customer
    WHERE customer.next_call_scheduled_at <= switchboard_now()
      -- One row that cannot be computed with would stop everybody's calls.
      AND isfinite(customer.next_call_scheduled_at) AND is_time_zone(customer.timezone)
      -- One call at a time: whoever is being called is looked at again when that has ended. Put so, and not as
      -- NOT EXISTS, it is looked up for each customer and never read for all.
      AND (SELECT id FROM jobs
           WHERE jobs.customer_id = customer.id AND jobs.state IN ('pending', 'in_flight', 'unknown')) IS NULL
    ORDER BY customer.next_call_scheduled_at
    -- Here it is a number that the planner can see, and so knows how little is wanted.
    LIMIT $1
    FOR UPDATE OF customer SKIP LOCKED
  ) AS in_turn
  LIMIT (SELECT CASE WHEN paused THEN 0 ELSE greatest(per_tick - $2::int8, 0) END FROM calling)
),
looked_at AS MATERIALIZED (
  SELECT due.*, due.next_call_scheduled_at AS planned_at,
         (due.next_call_scheduled_at AT TIME ZONE due.timezone)::date AS local_day,
         (SELECT phone FROM opt_outs WHERE opt_outs.phone = due.phone AND revoked_at IS NULL) IS NOT NULL AS has_opted_out,
         is_owed_a_welcome((SELECT customer FROM customers AS customer WHERE customer.id = due.id),
                           (SELECT welcome_since FROM calling)) AS is_new
  FROM due
),
decided AS (
  SELECT *, CASE
      WHEN has_opted_out THEN 'opted_out'
      WHEN last_call_date >= local_day THEN 'called_today'
      WHEN is_new THEN 'welcome_call'
      WHEN planned_at = at_local_time(local_day, call_at, timezone) THEN 'daily_call'
      -- It was planned for a welcome call that is not owed any more.
      WHEN welcome_call_completed THEN 'welcome_call_completed'
      ELSE 'not_their_hour' END AS decision
  FROM looked_at
),
owed AS (
  INSERT INTO jobs (kind, cause, customer_id, local_day, origin, caused_at, due_at, expires_at)
  SELECT decision,
         CASE WHEN decision = 'daily_call' THEN id || ' ' || to_char(local_day, 'YYYY-MM-DD')
              -- What was in an earlier one's way has passed.
              WHEN (SELECT jobs.id FROM jobs WHERE jobs.kind = 'welcome_call' AND jobs.cause = decided.id) IS NOT NULL
                THEN id || ' ' || extract(epoch FROM planned_at)::int8
              ELSE id END,
         id, CASE decision WHEN 'daily_call' THEN local_day END, 'scheduler', planned_at, planned_at,
         -- What could not be done in its hours is not done, and says so. A welcome that a pause of all calling has
         -- outlasted is owed anew.
         CASE decision WHEN 'welcome_call' THEN switchboard_now() + interval '3 days'
                       ELSE least(planned_at + interval '4 hours', at_local_time(local_day, '20:45', timezone)) END
  FROM decided
  WHERE decision IN ('welcome_call', 'daily_call')
  ON CONFLICT DO NOTHING
  RETURNING id, customer_id, expires_at
),
done AS (
  SELECT decided.*, owed.id AS job_id, owed.expires_at <= switchboard_now() AS is_missed
  FROM decided LEFT JOIN owed ON owed.customer_id = decided.id
),
planned AS (
  UPDATE customers
  -- Not before the window that is open now: what an outage has passed over stays passed over.
  SET next_call_scheduled_at = next_local_time(greatest(done.planned_at, switchboard_now() - interval '4 hours'),
                                               done.call_at, done.call_days, done.timezone)
  FROM done
  WHERE customers.id = done.id
    -- Whose job is not created has one for that day. If it is not to be seen, another scheduler has owed them a call
    -- since this statement began, perhaps for another day: they stay due for one that sees it.
    AND (done.job_id IS NOT NULL OR done.decision NOT IN ('welcome_call', 'daily_call')
         OR (SELECT id FROM jobs
             WHERE kind = 'daily_call' AND customer_id = done.id AND jobs.local_day = done.local_day) IS NOT NULL)
)
SELECT id AS customer_id, CASE WHEN is_missed THEN 'missed' ELSE decision END AS decision, job_id
FROM done
ORDER BY planned_at, id
