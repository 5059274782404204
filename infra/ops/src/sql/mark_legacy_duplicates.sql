-- mark_legacy_duplicates: ends them, and names the row that is kept.
--   $1 rows  $2 the row that is kept, for each
UPDATE legacy_call_queue
SET status = 'failed', duplicate_of = marked.kept
FROM unnest($1::text[], $2::text[]) AS marked (id, kept)
WHERE legacy_call_queue.id::text = marked.id AND legacy_call_queue.status::text IN ('pending', 'retrying')
RETURNING marked.id
