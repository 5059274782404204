-- standing: how things stand after an event about a payment, with all others of its customer.
--   $1 source  $2 id
SELECT event.customer_id, customer.payment_status, customer.next_call_scheduled_at,
       -- The rule by which somebody who pays cannot be called, though nobody switched their calls off.
       CASE WHEN customer.payment_status IS DISTINCT FROM 'Paid' OR customer.call_status = 'disabled' THEN NULL
            WHEN NOT customer.phone_validated THEN 'phone_is_validated'
            WHEN customer.timezone IS NULL THEN 'clock_is_known' END AS hindrance,
       is_less_than_the_price(event) AS is_short,
       (SELECT count(DISTINCT customer_id) FROM payment_events WHERE purchase = event.purchase) > 1 AS is_of_two
FROM payment_events AS event LEFT JOIN customers AS customer ON customer.id = event.customer_id
WHERE event.source = $1 AND event.id = $2
