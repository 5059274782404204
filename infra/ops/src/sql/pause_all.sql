-- pause_all: nobody is called from this commit on; how many calls were being made.
WITH paused AS (UPDATE calling SET paused = true WHERE NOT paused RETURNING true)
SELECT NOT EXISTS (SELECT FROM paused) AS was_so,
       (SELECT count(*) FROM attempts WHERE channel = 'call' AND state = 'sending') AS going_on
