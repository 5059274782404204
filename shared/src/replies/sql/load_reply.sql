-- load_reply: everything that decides about an answer, and what is known of the conversation.
--   $1 job
SELECT job.state, job.due_at, job.expires_at, job.failures::int4 AS failures, switchboard_now() AS now,
       conversation.id AS conversation_id, conversation.lead_id, contact.id AS contact_id,
       (addressee_of(message, contact)).phone,
       message.provider_message_id AS wamid, draft.body AS draft, draft.hand_over,
       nullif(rule_against_replying(job, switchboard_now()), 'an_answer_is_drafted') AS rule,
       replying.greeting, replying.knowledge, replying.own_hosts, replying.never_promise,
       NOT EXISTS (SELECT FROM messages AS earlier
                   WHERE earlier.conversation_id = conversation.id AND earlier.direction = 'OUTBOUND') AS is_first
FROM jobs AS job
JOIN conversations AS conversation ON conversation.id = job.conversation_id
JOIN contacts AS contact ON contact.id = conversation.contact_id
JOIN messages AS message ON message.id = job.message_id
CROSS JOIN replying
LEFT JOIN drafts AS draft ON draft.job_id = job.id
WHERE job.id = $1
