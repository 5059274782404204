SELECT id, phone::text AS phone, phone_validated, timezone, call_at::text AS call_at, call_days,
       call_status = 'disabled' AS is_disabled, paused_until, welcome_call_completed, last_call_date::text AS last_call_date,
       EXISTS (SELECT FROM opt_outs WHERE phone = customers.phone AND revoked_at IS NULL) AS has_stopped,
       (SELECT paused FROM calling) AS is_paused
FROM customers ORDER BY id
