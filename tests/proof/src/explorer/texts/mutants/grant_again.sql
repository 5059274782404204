-- grant: a permit whose commit was not heard of is taken for one's own, and used.
WITH claimed AS (
  UPDATE jobs SET state = 'in_flight', lease_token = gen_random_uuid(), lease_until = switchboard_now() + interval '120 seconds'
  WHERE id = $1 AND state = 'pending' AND due_at <= switchboard_now() AND switchboard_now() < expires_at
  RETURNING id
),
made AS (
  INSERT INTO attempts (job_id, content) SELECT id, $2 FROM claimed
  RETURNING id, recipient, attempt_no::int4 AS attempt_no
)
SELECT * FROM made
UNION ALL
SELECT attempt.id, attempt.recipient, attempt.attempt_no::int4 FROM attempts AS attempt JOIN jobs AS job ON job.id = attempt.job_id
WHERE job.id = $1 AND job.state = 'in_flight' AND attempt.state = 'sending' AND NOT EXISTS (SELECT FROM claimed)
