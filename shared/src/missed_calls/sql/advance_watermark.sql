-- advance_watermark: never backwards, whichever of two overlapping runs ends last.
INSERT INTO provider_watermarks (name, read_until) VALUES ('twilio_calls', $1)
ON CONFLICT (name) DO UPDATE SET read_until = greatest(provider_watermarks.read_until, EXCLUDED.read_until)
RETURNING name
