-- resume_all: calling goes on.
--   $1 who paid before that gets no welcome call; NULL to leave it as it is
UPDATE calling
SET paused = false, welcome_since = coalesce($1, welcome_since)
RETURNING welcome_since
