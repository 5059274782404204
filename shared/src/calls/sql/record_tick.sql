-- record_tick: a function's run has come to its end. Of two at once the later one counts, and neither waits for long.
INSERT INTO ticks (function, ticked_at) VALUES ($1, switchboard_now())
ON CONFLICT (function) DO UPDATE SET ticked_at = EXCLUDED.ticked_at
WHERE ticks.ticked_at < EXCLUDED.ticked_at
