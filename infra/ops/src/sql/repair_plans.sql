-- repair_plans: customers who can be called and have no plan, who have one and cannot be called, and whose plan passes
-- over an hour of theirs.
--   $1 put it right
WITH suspects AS MATERIALIZED (
  SELECT customer
  FROM customers AS customer
  WHERE (next_call_scheduled_at IS NULL) = (payment_status = 'Paid' AND phone_validated AND call_status = 'enabled'
                                            AND known_zone(timezone) IS NOT NULL
                                            AND paused_until IS DISTINCT FROM 'infinity')
    -- To plan a million customers takes minutes; nearly all have a plan for the day that begins now.
    OR next_call_scheduled_at > greatest(switchboard_now(), paused_until) + interval '24 hours'
),
planned AS MATERIALIZED (
  SELECT (customer).id, (customer).next_call_scheduled_at AS was, plan_of(customer) AS plan,
         -- A welcome call may be put off to the next morning.
         is_owed_a_welcome(customer, calling.welcome_since) AS is_new
  FROM suspects CROSS JOIN calling
),
wrong AS (
  SELECT id, was, plan FROM planned
  WHERE (was IS NULL) <> (plan IS NULL) OR (was > plan AND is_new IS NOT TRUE)
),
repaired AS (
  UPDATE customers SET next_call_scheduled_at = wrong.plan, updated_at = switchboard_now()
  FROM wrong WHERE $1 AND customers.id = wrong.id
)
SELECT id AS customer_id, coalesce(to_char(was AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'none') AS was,
       coalesce(to_char(plan AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'), 'none') AS becomes
FROM wrong ORDER BY id
