SELECT EXISTS (SELECT FROM jobs WHERE state IN ('pending', 'in_flight', 'unknown')) AS is_live,
       EXISTS (SELECT FROM jobs WHERE state = 'unknown') AS is_unknown,
       EXISTS (SELECT FROM jobs WHERE state = 'unknown' AND state_reason = 'worker gone') AS worker_gone,
       EXISTS (SELECT FROM channels WHERE breaker_open) AS breaker_open,
       EXISTS (SELECT FROM jobs WHERE customer_id IS NOT NULL AND state = 'accepted' AND NOT projected)
         OR EXISTS (SELECT FROM attempts WHERE state = 'accepted' AND next_read_at IS NOT NULL) AS is_unfinished,
       (SELECT paused FROM calling) AS is_paused,
       -- When somebody has something to do next. Nobody has to do with a paused customer, or a paused product.
       (SELECT min(at) FROM (
          SELECT next_call_scheduled_at AS at FROM customers
          WHERE NOT (SELECT paused FROM calling)
            AND NOT EXISTS (SELECT FROM jobs WHERE customer_id = customers.id AND state IN ('pending', 'in_flight', 'unknown'))
          UNION ALL SELECT due_at FROM jobs WHERE state = 'pending' AND NOT (SELECT paused FROM calling)
          UNION ALL SELECT lease_until FROM jobs WHERE state = 'in_flight'
          UNION ALL SELECT next_read_at FROM attempts WHERE state IN ('unknown', 'accepted')) AS moments) AS next_at
