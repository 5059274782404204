SELECT attempt.id::text AS id, attempt.job_id::text AS job, attempt.customer_id, attempt.recipient::text AS phone, attempt.state,
       attempt.provider_id, attempt.granted_at, attempt.settled_at, attempt.timezone, attempt.local_day::text AS local_day,
       attempt.reason, EXISTS (SELECT FROM call_results WHERE provider_id = attempt.provider_id) AS has_result,
       EXISTS (SELECT FROM call_results WHERE provider_id = attempt.provider_id AND told_by = 'poll') AS was_asked_for,
       (SELECT coalesce(array_agg(evidence.provider_id), '{}') FROM duplicate_evidence AS evidence
        WHERE evidence.attempt_id = attempt.id) AS evidence
FROM attempts AS attempt WHERE channel = 'call' ORDER BY granted_at, recipient
