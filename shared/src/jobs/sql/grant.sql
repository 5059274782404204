-- grant: take the lease and the permission for exactly one request in one commit.
-- Everything about the attempt but its words is copied from the job by the table's guard, which refuses it for a person
-- who opted out, for an expired job, while the channel is closed, and for an answer in other words than those drafted.
WITH claimed AS (
  UPDATE jobs
  SET state = 'in_flight',
      lease_token = gen_random_uuid(),
      -- Longer than the function's time limit (30 s) plus the time that the platform takes to kill it.
      lease_until = switchboard_now() + interval '120 seconds'
  WHERE id = $1 AND state = 'pending'
    AND due_at <= switchboard_now() AND switchboard_now() < expires_at
  RETURNING id
)
INSERT INTO attempts (job_id, content)
SELECT id, $2 FROM claimed
RETURNING id, recipient, address, attempt_no::int4 AS attempt_no
