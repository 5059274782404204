-- project_call: what the ledger says of a call, in the customer's own row. In a commit of its own, so that nothing
-- which fails later takes it along, and nothing here can take the acceptance along.
WITH accepted AS (
  SELECT job.id, job.kind, job.customer_id, attempt.local_day
  FROM jobs AS job JOIN attempts AS attempt ON attempt.job_id = job.id AND attempt.state = 'accepted'
  WHERE job.id = $1 AND job.state = 'accepted'
),
kept AS (
  UPDATE customers
  SET welcome_call_completed = welcome_call_completed OR accepted.kind = 'welcome_call',
      last_call_date = greatest(last_call_date, accepted.local_day),
      updated_at = switchboard_now()
  FROM accepted
  WHERE customers.id = accepted.customer_id
  RETURNING customers.id, customers.welcome_call_completed, customers.last_call_date
),
done AS (
  UPDATE jobs SET projected = true FROM accepted, kept WHERE jobs.id = accepted.id
)
SELECT kept.id AS customer_id, kept.welcome_call_completed, kept.last_call_date::text AS last_call_date FROM kept
