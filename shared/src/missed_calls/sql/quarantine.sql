-- quarantine: signed but not understood.
INSERT INTO quarantined_events (source, reason, payload) VALUES ($1, $2, $3)
ON CONFLICT ON CONSTRAINT quarantined_once DO NOTHING
RETURNING id
