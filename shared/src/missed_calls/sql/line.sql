-- line: how a line connects its callers.
SELECT number, forward_to, ring_seconds::int4 AS ring_seconds FROM lines WHERE number = $1
