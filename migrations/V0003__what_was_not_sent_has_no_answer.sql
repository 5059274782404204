-- A request that never left has no answer either: "not sent" cannot stand beside a 5xx, and a refusal cannot stand
-- without either.
ALTER TABLE attempts
  DROP CONSTRAINT only_a_definite_no_is_a_refusal,
  ADD CONSTRAINT only_a_definite_no_is_a_refusal CHECK (state <> 'refused'
    OR (coalesce(reason, '') = 'not_sent' AND http_status IS NULL)
    OR coalesce(http_status, 0) IN (400, 401, 403, 404, 405, 413, 415, 422, 429));
