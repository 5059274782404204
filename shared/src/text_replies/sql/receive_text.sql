-- receive_text: stores a text with what it asks of us.
--   $1 the text
SELECT outcome, conversation_id, message_id, asked FROM receive_text($1)
