-- delete_processed: calls that were decided long ago. The ledger keeps what was done about them.
WITH deleted AS (
  DELETE FROM active_calls
  WHERE processed AND processed_at < switchboard_now() - interval '7 days'
  RETURNING call_sid
)
SELECT count(*) AS deleted FROM deleted
