-- settle_reported: keeps a report on a text of ours that is known to be accepted; nearly always the provider's own
-- answer has come first. Where it has not, nothing is kept, for what the report proves is worth more than itself.
--   $1 attempt  $2 provider's id  $3 how far it has come  $4 provider's error code
WITH accepted AS (
  SELECT FROM attempts WHERE id = $1 AND state = 'accepted' AND provider_id = $2
),
report AS (
  INSERT INTO deliveries (channel, provider_id, status, error_code)
  SELECT 'sms', $2, $3, $4 FROM accepted
  ON CONFLICT DO NOTHING
)
SELECT EXISTS (SELECT FROM accepted) AS is_settled
