-- answers_waiting: how many messages wait for a machine's answer, and may still get one.
SELECT count(*) AS number FROM jobs
WHERE kind = 'whatsapp_reply' AND state = 'pending' AND switchboard_now() < expires_at
