-- resume_answers: a machine answers again.
UPDATE replying SET paused = false
