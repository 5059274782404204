-- why: everything in the ledger that tells whether somebody was called on a day of theirs, as one document.
--   $1 customer  $2 day; NULL for today
WITH asked AS (
  SELECT customer AS row, coalesce(known_zone(customer.timezone), 'UTC') AS zone,
         coalesce($2, (switchboard_now() AT TIME ZONE coalesce(known_zone(customer.timezone), 'UTC'))::date) AS day
  FROM customers AS customer
  WHERE id = $1
),
bounds AS (
  SELECT day, zone, at_local_time(day, '00:00', zone) AS begins, at_local_time(day + 1, '00:00', zone) AS ends FROM asked
),
-- How they stood while it was that day, and since: until when, the last until now.
versions AS (
  SELECT changes.id AS place, changes.changed_at AS until, jsonb_populate_record(NULL::customers, changes.was) AS row
  FROM changes CROSS JOIN bounds
  WHERE changes.customer_id = $1 AND changes.changed_at > bounds.begins
  UNION ALL
  SELECT NULL, NULL, row FROM asked
),
phones AS (SELECT DISTINCT (row).phone FROM versions WHERE (row).phone IS NOT NULL),
concerned AS (
  SELECT jobs.*
  FROM jobs CROSS JOIN bounds
  WHERE jobs.customer_id = $1 AND jobs.origin <> 'legacy'
    AND (jobs.local_day = bounds.day
         OR EXISTS (SELECT FROM attempts WHERE attempts.job_id = jobs.id AND attempts.local_day = bounds.day)
         -- A welcome call that was waiting then, or another day's call that was not over.
         OR (jobs.created_at < bounds.ends AND coalesce(jobs.ended_at, 'infinity') >= bounds.begins))
)
SELECT jsonb_build_object(
  'id', (asked.row).id,
  'now', switchboard_now(),
  'day', asked.day,
  'today', (switchboard_now() AT TIME ZONE asked.zone)::date,
  'ends', bounds.ends,
  'created_at', (asked.row).created_at,
  'paid_at', (asked.row).paid_at,
  'last_call_date', (asked.row).last_call_date,
  'next_call_at', CASE WHEN isfinite((asked.row).next_call_scheduled_at) THEN (asked.row).next_call_scheduled_at END,
  'next_call_day', ((asked.row).next_call_scheduled_at AT TIME ZONE asked.zone)::date,
  'welcome_is_owed', is_owed_a_welcome(asked.row, calling.welcome_since),
  'scheduler_ticked_at', (SELECT ticked_at FROM ticks WHERE function = 'call-scheduler'),
  'versions', (SELECT jsonb_agg(jsonb_build_object(
      'until', until, 'phone', (versions.row).phone, 'phone_validated', (versions.row).phone_validated,
      'timezone', (versions.row).timezone, 'timezone_given', (versions.row).timezone_given,
      'call_days', (versions.row).call_days,
      'payment_status', (versions.row).payment_status, 'call_status', (versions.row).call_status,
      'paused_until', CASE WHEN isfinite((versions.row).paused_until) THEN (versions.row).paused_until
                           WHEN (versions.row).paused_until > '2000-01-01' THEN '9999-01-01' END,
      'hour', at_local_time(bounds.day, (versions.row).call_at, known_zone((versions.row).timezone))) ORDER BY place NULLS LAST) FROM versions),
  'calling', (SELECT jsonb_agg(jsonb_build_object('until', until, 'paused', paused) ORDER BY place NULLS LAST)
              FROM (SELECT id AS place, changed_at AS until, (was ->> 'paused')::boolean AS paused
                    FROM changes WHERE customer_id IS NULL AND changed_at > bounds.begins
                    UNION ALL SELECT NULL, NULL, calling.paused) AS stands),
  'jobs', (SELECT coalesce(jsonb_agg(jsonb_build_object(
      'kind', concerned.kind, 'local_day', concerned.local_day, 'state', concerned.state, 'state_reason', concerned.state_reason,
      'due_at', concerned.due_at, 'expires_at', concerned.expires_at, 'created_at', concerned.created_at,
      'ended_at', concerned.ended_at, 'lease_until', concerned.lease_until,
      'attempts', (SELECT coalesce(jsonb_agg(jsonb_build_object(
          'state', attempt.state, 'granted_at', attempt.granted_at,
          'local_day', attempt.local_day, 'local_time', date_trunc('minute', attempt.local_time), 'timezone', attempt.timezone,
          'reason', attempt.reason, 'result', result.result, 'ended_reason', result.ended_reason,
          'customer_spoke', result.customer_spoke,
          'has_evidence', EXISTS (SELECT FROM duplicate_evidence WHERE duplicate_evidence.attempt_id = attempt.id)) ORDER BY attempt.attempt_no), '[]')
        FROM attempts AS attempt LEFT JOIN call_results AS result ON result.provider_id = attempt.provider_id
        WHERE attempt.job_id = concerned.id)) ORDER BY concerned.created_at), '[]') FROM concerned),
  -- Calls that leave no room for one on that day: to the same telephone, or to them within ten hours of it.
  'other_calls', (SELECT coalesce(jsonb_agg(jsonb_build_object(
      'customer_id', attempt.customer_id, 'granted_at', attempt.granted_at)
      ORDER BY attempt.granted_at), '[]')
    FROM attempts AS attempt
    WHERE attempt.channel = 'call' AND attempt.state <> 'refused'
      AND (attempt.recipient IN (SELECT phone FROM phones) OR attempt.customer_id = $1)
      AND NOT (attempt.customer_id = $1 AND attempt.local_day = bounds.day)
      AND (attempt.local_day = bounds.day OR attempt.spacing && tstzrange(bounds.begins, bounds.ends))),
  'opt_outs', (SELECT coalesce(jsonb_agg(jsonb_build_object('phone', stop.phone, 'source', stop.source,
      'opted_out_at', stop.opted_out_at, 'revoked_at', stop.revoked_at) ORDER BY stop.opted_out_at), '[]')
    FROM opt_outs AS stop WHERE stop.phone IN (SELECT phone FROM phones)),
  'payments', (SELECT coalesce(jsonb_agg(jsonb_build_object('effect', event.effect, 'created_at', event.created_at,
      'received_at', event.received_at) ORDER BY event.created_at, event.received_at), '[]')
    FROM payment_events AS event WHERE event.customer_id = $1)
) AS facts
FROM asked CROSS JOIN bounds CROSS JOIN calling
