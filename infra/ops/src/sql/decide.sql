-- decide: keeps what a person has decided about something that waits for it.
--   $1 the job, or the attempt that there is evidence against  $2 what was decided
INSERT INTO decisions (subject, words)
SELECT DISTINCT subject, $2 FROM undecided WHERE subject::text = $1
RETURNING true
