-- pause_answers: no machine answers from this commit on. It waits for the permits that are being given.
WITH paused AS (UPDATE replying SET paused = true WHERE NOT paused RETURNING true)
SELECT NOT EXISTS (SELECT FROM paused) AS was_so
