-- delete_processed: calls that were decided long ago. The ledger keeps what was done about them.
WITH deleted AS (
  DELETE FROM active_calls
  WHERE processed AND processed_at < switchboard_now() - interval '7 days'
    -- Of a call that the old system handled, the ledger knows nothing: this row alone says that it was.
    AND decided_by <> 'legacy'
  RETURNING call_sid
)
SELECT count(*) AS deleted FROM deleted
