SELECT EXISTS (SELECT FROM jobs WHERE state IN ('pending', 'in_flight', 'unknown')) AS is_live,
       EXISTS (SELECT FROM jobs WHERE state = 'unknown') AS is_unknown,
       EXISTS (SELECT FROM jobs WHERE state = 'unknown' AND state_reason = 'worker gone') AS worker_gone,
       EXISTS (SELECT FROM channels WHERE breaker_open) AS breaker_open,
       (SELECT count(*) FROM jobs) AS jobs
