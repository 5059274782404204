-- duplicates: calls that wait twice for the same customer and type: the old runbook's query.
SELECT customer_id, call_type, count(*) AS number
FROM call_queue
WHERE status IN ('pending', 'retrying')
GROUP BY customer_id, call_type
HAVING count(*) > 1
ORDER BY customer_id
