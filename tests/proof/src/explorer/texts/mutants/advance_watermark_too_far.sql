-- advance_watermark: past what was read.
INSERT INTO provider_watermarks (name, read_until) VALUES ('twilio_calls', $1::timestamptz + interval '2 days')
ON CONFLICT (name) DO UPDATE SET read_until = greatest(provider_watermarks.read_until, EXCLUDED.read_until)
RETURNING name
