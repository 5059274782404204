SELECT attempt.id::text AS id, attempt.job_id::text AS job, attempt.state,
       EXISTS (SELECT FROM opt_outs
                WHERE phone = attempt.recipient AND source = 'person' AND opted_out_at < attempt.granted_at) AS after_stop
FROM attempts AS attempt
