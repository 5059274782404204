-- delete_quarantined: what nobody understood within a month; it may hold personal data.
WITH deleted AS (
  DELETE FROM quarantined_events
  WHERE received_at < switchboard_now() - interval '30 days'
  RETURNING id
)
SELECT count(*) AS deleted FROM deleted
