-- record_draft: what is to be said, once: whoever drafts a second time is told what stands. There is no row if that was
-- written only while this statement waited.
--   $1 job  $2 words  $3 why a person answers  $4 model
WITH written AS (
  INSERT INTO drafts (job_id, body, hand_over, model) VALUES ($1, $2, $3, $4)
  ON CONFLICT ON CONSTRAINT one_draft_per_job DO NOTHING
  RETURNING body, hand_over
)
SELECT body, hand_over FROM written
UNION ALL
SELECT body, hand_over FROM drafts WHERE job_id = $1
LIMIT 1
