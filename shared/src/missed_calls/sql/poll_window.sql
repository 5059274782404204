-- poll_window: how far Twilio's list has been read, and the clock's time.
SELECT switchboard_now() AS now, (SELECT read_until FROM provider_watermarks WHERE name = 'twilio_calls') AS read_until
