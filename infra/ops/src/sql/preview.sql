-- preview: a customer's next calls, if everything stays as it stands: as the scheduler would create them.
--   $1 customer  $2 calls at most
WITH RECURSIVE planned AS (
  SELECT customer.*, switchboard_now() AS now,
         is_owed_a_welcome(customer, calling.welcome_since) AS is_new
  FROM customers AS customer CROSS JOIN calling
  WHERE customer.id = $1 AND next_call_scheduled_at IS NOT NULL
),
welcome AS (
  SELECT next_lawful_time(greatest(next_call_scheduled_at, now), timezone) AS at, timezone FROM planned
  WHERE is_new
),
daily AS (
  -- Not before the window that is open now: what an outage has passed over stays passed over.
  SELECT next_local_time(greatest(next_call_scheduled_at - interval '1 microsecond', now - interval '4 hours'),
                         call_at, call_days, timezone) AS at, 1 AS number
  FROM planned
  UNION ALL
  SELECT next_local_time(daily.at, call_at, call_days, timezone), number + 1
  FROM daily CROSS JOIN planned
  -- One that is over already, and one whose day has had its call.
  WHERE number < $2 + 2
),
calls AS (
  SELECT at, 'welcome' AS kind FROM welcome
  UNION ALL
  SELECT greatest(daily.at, now), 'daily'
  FROM daily CROSS JOIN planned
  WHERE least(daily.at + interval '4 hours', at_local_time((daily.at AT TIME ZONE timezone)::date, '20:45', timezone)) > now
    AND (last_call_date IS NULL OR last_call_date < (daily.at AT TIME ZONE timezone)::date)
    AND NOT EXISTS (SELECT FROM welcome
                    WHERE (welcome.at AT TIME ZONE planned.timezone)::date >= (daily.at AT TIME ZONE planned.timezone)::date)
)
SELECT at, kind, at AT TIME ZONE timezone AS local_at,
       (extract(epoch FROM (at AT TIME ZONE timezone) - (at AT TIME ZONE 'UTC')) / 60)::int4 AS offset_minutes,
       EXISTS (SELECT FROM attempts
               WHERE attempts.channel = 'call' AND attempts.state <> 'refused' AND attempts.spacing @> calls.at
                 AND (attempts.customer_id = $1 OR attempts.recipient = planned.phone)) AS is_too_soon
FROM calls CROSS JOIN planned
ORDER BY at
LIMIT $2
