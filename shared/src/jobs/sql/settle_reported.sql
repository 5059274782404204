-- settle_reported: keeps a report on a text of ours, as `record_delivery` does, and says whether there is
-- anything left to settle: nearly always the provider's own answer has come first.
--   $1 attempt  $2 provider's id  $3 how far it has come  $4 provider's error code
WITH report AS (
  INSERT INTO deliveries (channel, provider_id, status, error_code)
  VALUES ('sms', $2, $3, $4)
  ON CONFLICT DO NOTHING
)
SELECT EXISTS (SELECT FROM attempts WHERE id = $1 AND state = 'accepted' AND provider_id = $2) AS is_settled
