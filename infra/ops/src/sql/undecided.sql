-- undecided: what waits for a person, the oldest first.
SELECT concat_ws(' ', subject, kind, coalesce('of ' || customer_id, 'of nobody known'),
                 'since ' || to_char(since AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')) || coalesce(': ' || what, '') AS line
FROM undecided ORDER BY since, subject
