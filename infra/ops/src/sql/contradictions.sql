-- contradictions: what the rows say that the ledger does not, and that only a person can decide: to put it right by
-- machine might call somebody twice.
SELECT id AS customer_id, 'welcome_call_completed is true, and the ledger has no welcome call: they get none' AS what
FROM customers AS customer
WHERE welcome_call_completed
  AND NOT EXISTS (SELECT FROM jobs WHERE jobs.customer_id = customer.id AND jobs.kind = 'welcome_call'
                  AND (jobs.state = 'accepted' OR jobs.origin = 'legacy'))
UNION ALL
SELECT id, 'last_call_date is ' || last_call_date || ', and the ledger has no call on that day: they are not called before it is over'
FROM customers AS customer
WHERE last_call_date >= (switchboard_now() AT TIME ZONE coalesce(known_zone(timezone), 'UTC'))::date
  AND NOT EXISTS (SELECT FROM attempts
                  WHERE attempts.customer_id = customer.id AND attempts.local_day >= customer.last_call_date AND attempts.state <> 'refused')
UNION ALL
SELECT id, 'this server does not know the time zone ' || timezone || ' any more: they are not called'
FROM customers
WHERE NOT is_time_zone(timezone)
UNION ALL
SELECT id, why FROM customers_left_out
WHERE NOT EXISTS (SELECT FROM customers WHERE customers.id = customers_left_out.id AND customers.call_status = 'enabled')
ORDER BY 1, 2
