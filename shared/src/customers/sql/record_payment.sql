-- record_payment: what we were told of a payment, and of the customer that it names. What follows from it, the triggers
-- of payment_events see to; a second time nothing does.
--   $1 source  $2 id  $3 kind  $4 when it happened there  $5 effect  $6 objects  $7 customer, NULL if it names nobody
--   $8 amount  $9 currency  $10 name  $11 phone  $12 time zone  $13 time zone as given  $14 call at  $15 call days
-- A shop's word stands until it says something newer about the same field. Stripe's fills what is empty: what somebody
-- typed on a payment page, for whom they liked, takes nobody's number away.
WITH turn AS MATERIALIZED (
  -- The trigger takes it too, but after the customer's row is locked: two events would wait for each other.
  SELECT pg_advisory_xact_lock(hashtext('payment_events'))
),
said AS (
  SELECT $10::text AS name, $11::text AS phone, CASE WHEN is_time_zone($12::text) THEN $12::text END AS timezone,
         $13::text AS timezone_given, $14::time AS call_at, $15::smallint[] AS call_days
),
customer AS (
  INSERT INTO customers AS customer (id, name, phone, phone_validated, timezone, timezone_given, call_at, call_days, told_at)
  SELECT $7::text, name, phone, phone IS NOT NULL, timezone, timezone_given, coalesce(call_at, '10:00'),
         coalesce(call_days, '{1,2,3,4,5,6,7}'),
         CASE WHEN $1::text = 'shop' THEN (
           SELECT coalesce(jsonb_object_agg(field, extract(epoch FROM $4::timestamptz)), '{}')
           FROM (VALUES ('name', name IS NOT NULL), ('phone', phone IS NOT NULL), ('timezone', timezone_given IS NOT NULL),
                        ('call_at', call_at IS NOT NULL), ('call_days', call_days IS NOT NULL)) AS fields (field, is_given)
           WHERE is_given) ELSE '{}' END
  FROM said CROSS JOIN turn
  WHERE $7::text IS NOT NULL AND NOT EXISTS (SELECT FROM payment_events WHERE source = $1 AND id = $2)
  ON CONFLICT (id) DO UPDATE SET
    name = CASE WHEN EXCLUDED.told_at -> 'name' > coalesce(customer.told_at -> 'name', '-1') THEN EXCLUDED.name
                ELSE coalesce(customer.name, EXCLUDED.name) END,
    phone = CASE WHEN EXCLUDED.told_at -> 'phone' > coalesce(customer.told_at -> 'phone', '-1') THEN EXCLUDED.phone
                 ELSE coalesce(customer.phone, EXCLUDED.phone) END,
    -- Valid is the number that is kept.
    phone_validated = customer.phone_validated OR (EXCLUDED.phone IS NOT NULL AND coalesce(
      customer.phone IS NULL OR EXCLUDED.phone = customer.phone
        OR EXCLUDED.told_at -> 'phone' > coalesce(customer.told_at -> 'phone', '-1'), false)),
    -- A zone that is no place, newly told, means that we do not know where they are.
    timezone = CASE WHEN EXCLUDED.told_at -> 'timezone' > coalesce(customer.told_at -> 'timezone', '-1') THEN EXCLUDED.timezone
                    WHEN customer.told_at ? 'timezone' THEN customer.timezone
                    ELSE coalesce(customer.timezone, EXCLUDED.timezone) END,
    timezone_given = CASE WHEN EXCLUDED.told_at -> 'timezone' > coalesce(customer.told_at -> 'timezone', '-1')
                            THEN EXCLUDED.timezone_given
                          WHEN customer.told_at ? 'timezone' OR customer.timezone IS NOT NULL THEN customer.timezone_given
                          WHEN EXCLUDED.timezone IS NOT NULL THEN EXCLUDED.timezone_given
                          ELSE coalesce(customer.timezone_given, EXCLUDED.timezone_given) END,
    -- These are empty as long as nobody has chosen.
    call_at = CASE WHEN EXCLUDED.told_at -> 'call_at' > coalesce(customer.told_at -> 'call_at', '-1')
                     OR (customer.call_at = '10:00' AND NOT customer.told_at ? 'call_at')
                   THEN EXCLUDED.call_at ELSE customer.call_at END,
    call_days = CASE WHEN EXCLUDED.told_at -> 'call_days' > coalesce(customer.told_at -> 'call_days', '-1')
                       OR (customer.call_days = '{1,2,3,4,5,6,7}' AND NOT customer.told_at ? 'call_days')
                     THEN EXCLUDED.call_days ELSE customer.call_days END,
    told_at = customer.told_at || (
      SELECT coalesce(jsonb_object_agg(field, at), '{}') FROM jsonb_each(EXCLUDED.told_at) AS told (field, at)
      WHERE at > coalesce(customer.told_at -> field, '-1')),
    updated_at = switchboard_now()
  RETURNING id
),
event AS (
  INSERT INTO payment_events (source, id, kind, created_at, effect, object_ids, customer_id, amount, currency)
  -- The customer's row comes first: events of the same purchase that wait for a name are given it on the way.
  SELECT $1, $2, $3, $4, $5, $6::text[], coalesce((SELECT id FROM customer), $7), $8, $9
  FROM turn
  ON CONFLICT DO NOTHING
  RETURNING id
)
SELECT EXISTS (SELECT FROM event) AS is_new,
       -- We know the place, and this database does not.
       coalesce(NOT is_time_zone($12), false) AS zone_is_unknown
