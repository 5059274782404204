-- standing: how things stand after an event about a payment, with all others of its customer.
--   $1 source  $2 id
SELECT event.customer_id, customer.payment_status, customer.next_call_scheduled_at,
       coalesce(customer.phone_validated, false) AS has_phone, customer.timezone IS NOT NULL AS has_clock,
       coalesce(customer.call_status = 'enabled', false) AS is_enabled,
       is_less_than_the_price(event) AS is_short,
       (SELECT count(DISTINCT customer_id) FROM payment_events WHERE purchase = event.purchase) > 1 AS is_of_two
FROM payment_events AS event LEFT JOIN customers AS customer ON customer.id = event.customer_id
WHERE event.source = $1 AND event.id = $2
