-- load_text: everything that decides whether a missed call is answered by a text, and its words.
SELECT job.state, job.recipient, job.line, job.cause, job.expires_at, job.due_at, job.origin,
       switchboard_now() AS now,
       line.business_name, line.text_template, line.text_back, line.text_cool_down_minutes,
       EXISTS (SELECT FROM lines WHERE job.recipient IN (number, forward_to)) AS is_our_own,
       EXISTS (SELECT FROM opt_outs WHERE phone = job.recipient AND revoked_at IS NULL) AS opted_out,
       earlier.last_texted_at, earlier.has_been_texted
FROM jobs AS job
LEFT JOIN lines AS line ON line.number = job.line,
-- Looked up once for both: each look-up is planned anew, and a person's texts are few.
LATERAL (
  SELECT max(granted_at) FILTER (WHERE sender = job.line AND job_id <> job.id) AS last_texted_at,
         count(*) > 0 AS has_been_texted
  FROM attempts
  WHERE recipient = job.recipient AND channel = 'sms' AND state = 'accepted'
) AS earlier
WHERE job.id = $1 AND job.kind = 'missed_call_text'
