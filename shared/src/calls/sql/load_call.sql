-- load_call: everything that decides whether a customer is called now. The guard of attempts applies the same rules
-- once more at the permit.
SELECT job.kind, job.state, job.due_at, job.expires_at, job.origin,
       customer.id AS customer_id, customer.name, customer.phone, customer.welcome_call_completed,
       customer.last_call_date >= (switchboard_now() AT TIME ZONE known_zone(customer.timezone))::date AS is_called_today,
       rule_against_calling(customer, switchboard_now(), job.local_day) AS rule,
       -- When the customer may be called next, as far as their clock and their own pause are concerned. What is planned
       -- for the last hour of an evening may be a quarter of an hour late. A pause without an end is as long as the job
       -- lasts.
       CASE WHEN coalesce(customer.paused_until <= switchboard_now(), true)
             AND (switchboard_now() AT TIME ZONE known_zone(customer.timezone))::time >= '08:00'
             AND (switchboard_now() AT TIME ZONE known_zone(customer.timezone))::time < '20:45' THEN switchboard_now()
            -- NULL, for nobody has paused them, is not the least of anything.
            ELSE next_lawful_time(greatest(switchboard_now(), CASE WHEN customer.paused_until IS NOT NULL
                                                                   THEN least(customer.paused_until, job.expires_at) END),
                                  known_zone(customer.timezone)) END AS lawful_at,
       EXISTS (SELECT FROM lines WHERE customer.phone IN (number, forward_to)) AS is_our_own,
       switchboard_now() AS now
FROM jobs AS job JOIN customers AS customer ON customer.id = job.customer_id
WHERE job.id = $1
