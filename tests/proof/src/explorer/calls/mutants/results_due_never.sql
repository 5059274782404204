-- results_due: nobody asks how a call ended.
SELECT id, provider_id, granted_at, switchboard_now() AS now FROM attempts WHERE false LIMIT $1
