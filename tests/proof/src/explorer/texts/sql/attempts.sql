SELECT attempt.id::text AS id, attempt.job_id::text AS job, attempt.state, attempt.provider_id, attempt.granted_at,
       attempt.settled_at,
       EXISTS (SELECT FROM opt_outs WHERE phone = attempt.recipient AND opted_out_at < attempt.granted_at) AS after_stop,
       EXISTS (SELECT FROM attempts AS earlier
                WHERE earlier.recipient = attempt.recipient AND earlier.state = 'refused'
                  AND earlier.provider_code = 21610 AND earlier.settled_at < attempt.granted_at) AS after_refusal,
       attempt.next_read_at IS NOT NULL AS was_unknown
FROM attempts AS attempt
