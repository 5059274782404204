-- record_delivery: how far something accepted has come. Statuses are kept, never overwritten.
INSERT INTO deliveries (channel, provider_id, status, error_code)
VALUES ('sms', $1, $2, $3)
ON CONFLICT DO NOTHING
RETURNING status
