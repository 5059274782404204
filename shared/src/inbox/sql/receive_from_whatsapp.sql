-- receive_from_whatsapp: stores everything that one request told, in its order, with what we owe for it.
--   $1 a list of what was told
SELECT outcome, conversation_id, lead_id, message_id, job_id, job_state, reason FROM receive_from_whatsapp($1)
