-- preflight: who would be called within some hours if calling were switched on now, and who would not and why, counted.
-- As `schedule_calls` decides it and the guard of attempts allows it, for everybody at once.
--   $1 hours  $2 who paid before that gets no welcome call; NULL for what is set
WITH settings AS MATERIALIZED (
  SELECT switchboard_now() AS now, switchboard_now() + make_interval(hours => $1) AS horizon,
         coalesce($2, welcome_since) AS welcome_since
  FROM calling
),
stopped AS MATERIALIZED (SELECT phone FROM opt_outs WHERE revoked_at IS NULL),
live AS MATERIALIZED (
  SELECT customer_id, kind, state, due_at, expires_at FROM jobs
  WHERE customer_id IS NOT NULL AND state IN ('pending', 'in_flight', 'unknown')
),
judged AS MATERIALIZED (
  SELECT customer.id, customer.phone, known_zone(customer.timezone) AS timezone, customer.timezone_given, customer.call_at, customer.call_days,
         customer.last_call_date, customer.next_call_scheduled_at AS planned_at, settings.now, settings.horizon,
         live.kind AS live_kind, live.state AS live_state, greatest(live.due_at, settings.now) AS live_at,
         live.expires_at AS live_expires_at,
         is_owed_a_welcome(customer, settings.welcome_since) AS is_new,
         CASE
           WHEN customer.payment_status <> 'Paid' THEN 'only_who_pays_is_called'
           WHEN NOT customer.phone_validated THEN 'phone_is_validated'
           WHEN customer.call_status = 'disabled' THEN 'calling_is_enabled'
           WHEN stopped.phone IS NOT NULL THEN 'nobody_after_stop'
           WHEN known_zone(customer.timezone) IS NULL THEN 'clock_is_known'
           WHEN customer.paused_until >= settings.horizon THEN 'nobody_while_paused'
           WHEN customer.next_call_scheduled_at IS NULL THEN 'without_a_plan'
         END AS rule
  FROM settings CROSS JOIN customers AS customer
  LEFT JOIN stopped ON stopped.phone = customer.phone
  LEFT JOIN live ON live.customer_id = customer.id
),
-- What each would get: what waits already, the welcome call, and the hours of the days that follow.
owed AS (
  SELECT id, phone, timezone, CASE live_kind WHEN 'welcome_call' THEN 'welcome' ELSE 'daily' END AS kind, live_at AS at
  FROM judged
  WHERE rule IS NULL AND live_state = 'pending' AND live_at < horizon AND live_expires_at > live_at
  UNION ALL
  SELECT id, phone, timezone, 'welcome', welcome_at
  FROM judged CROSS JOIN next_lawful_time(greatest(planned_at, now), timezone) AS welcome_at
  WHERE rule IS NULL AND live_kind IS NULL AND is_new AND welcome_at < horizon
  UNION ALL
  SELECT id, phone, timezone, 'daily', greatest(hours.at, now)
  FROM judged
  CROSS JOIN LATERAL (
    SELECT local_day, at_local_time(local_day, judged.call_at, judged.timezone) AS at
    FROM (SELECT (judged.now AT TIME ZONE judged.timezone)::date - 1 + ahead AS local_day
          FROM generate_series(0, 2 + $1 / 24) AS ahead) AS days
    WHERE extract(isodow FROM local_day) = ANY (judged.call_days)
  ) AS hours
  WHERE rule IS NULL AND planned_at < horizon AND hours.at >= planned_at AND hours.at < horizon
    -- What an outage or a pause has passed over stays passed over.
    AND least(hours.at + interval '4 hours', at_local_time(local_day, '20:45', timezone)) > now
    AND (last_call_date IS NULL OR last_call_date < local_day)
    AND (NOT is_new OR (next_lawful_time(greatest(planned_at, now), timezone) AT TIME ZONE timezone)::date < local_day)
    AND (live_kind IS NULL OR (live_at AT TIME ZONE timezone)::date < local_day)
),
-- One call a day for each telephone: the first that comes, unless there was one already.
in_turn AS (
  SELECT owed.*, (at AT TIME ZONE timezone)::date AS local_day,
         row_number() OVER (PARTITION BY phone, (at AT TIME ZONE timezone)::date ORDER BY at, id) AS turn
  FROM owed
),
spoken_for AS MATERIALIZED (
  SELECT recipient, local_day FROM attempts CROSS JOIN settings
  WHERE channel = 'call' AND state <> 'refused' AND granted_at > settings.now - interval '2 days'
),
calls AS MATERIALIZED (
  SELECT in_turn.*, turn > 1 OR spoken_for.recipient IS NOT NULL AS is_refused
  FROM in_turn
  LEFT JOIN (SELECT DISTINCT recipient, local_day FROM spoken_for) AS spoken_for
    ON spoken_for.recipient = in_turn.phone AND spoken_for.local_day = in_turn.local_day
),
made AS MATERIALIZED (SELECT * FROM calls WHERE NOT is_refused),
shared AS MATERIALIZED (
  SELECT phone, count(*) AS customers FROM judged WHERE phone IS NOT NULL GROUP BY phone HAVING count(*) > 1
)
SELECT 'customers' AS what, '' AS key, '' AS kind, count(*) AS number FROM judged
UNION ALL SELECT 'called', '', '', count(DISTINCT id) FROM made
UNION ALL SELECT 'due_now', '', kind, count(*) FROM made CROSS JOIN settings WHERE at <= now GROUP BY kind
UNION ALL SELECT 'utc_hour', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:00'), kind, count(*) FROM made GROUP BY 2, 3
UNION ALL SELECT 'local_hour', to_char(at AT TIME ZONE timezone, 'HH24:00'), kind, count(*) FROM made GROUP BY 2, 3
UNION ALL (SELECT 'busiest_minute', to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), '', count(*) FROM made
           GROUP BY 2 ORDER BY count(*) DESC, 2 LIMIT 1)
UNION ALL SELECT 'against', rule, '', count(*) FROM judged WHERE rule IS NOT NULL GROUP BY rule
UNION ALL SELECT 'against', 'one_call_per_phone_day', '', count(DISTINCT id) FROM calls
          WHERE is_refused AND NOT EXISTS (SELECT FROM made WHERE made.id = calls.id) HAVING count(*) > 0
UNION ALL SELECT 'against', 'being_called', '', count(*) FROM judged
          WHERE rule IS NULL AND live_state IN ('in_flight', 'unknown') AND NOT EXISTS (SELECT FROM calls WHERE calls.id = judged.id) HAVING count(*) > 0
UNION ALL SELECT 'against', 'not_in_these_hours', '', count(*) FROM judged
          WHERE rule IS NULL AND live_state IS DISTINCT FROM 'in_flight' AND live_state IS DISTINCT FROM 'unknown'
            AND NOT EXISTS (SELECT FROM calls WHERE calls.id = judged.id) HAVING count(*) > 0
UNION ALL SELECT 'shared_phones', '', '', count(*) FROM shared
UNION ALL SELECT 'sharing_customers', '', '', coalesce(sum(customers), 0)::int8 FROM shared
UNION ALL (SELECT 'shared_phone', phone, '', customers FROM shared ORDER BY customers DESC, phone LIMIT 10)
UNION ALL (SELECT 'zone_given', coalesce(timezone_given, ''), '', count(*) FROM judged WHERE timezone IS NULL
           GROUP BY timezone_given ORDER BY count(*) DESC, timezone_given LIMIT 10)
ORDER BY what, key, kind
