-- answers_on_their_way: requests to WhatsApp that a permit allowed and whose answer is not known yet.
--   $1 in this conversation; NULL for all
SELECT count(*) AS number FROM attempts JOIN jobs ON jobs.id = attempts.job_id
WHERE attempts.channel = 'whatsapp' AND attempts.state = 'sending' AND ($1 IS NULL OR jobs.conversation_id = $1)
