-- legacy_duplicates: rows of the old queue that wait beside an older one for the same customer and type of call.
SELECT id, customer_id, call_type, kept
FROM (SELECT id::text AS id, customer_id::text AS customer_id, call_type::text AS call_type,
             row_number() OVER oldest AS place, first_value(id::text) OVER oldest AS kept
      FROM legacy_call_queue
      WHERE status::text IN ('pending', 'retrying')
      WINDOW oldest AS (PARTITION BY customer_id, call_type ORDER BY created_at NULLS LAST, id)) AS waiting
WHERE place > 1
ORDER BY customer_id, call_type, place
