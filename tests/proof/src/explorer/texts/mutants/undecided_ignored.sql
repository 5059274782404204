-- undecided: the poller looks at its own rows only.
SELECT ARRAY[]::text[] AS calls, ARRAY[]::text[] AS lines WHERE $1::text[] IS NOT NULL OR $2::text[] IS NOT NULL OR true
