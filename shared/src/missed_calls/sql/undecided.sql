-- undecided: which of these calls we have no verdict on, and which numbers are lines of ours.
SELECT ARRAY(SELECT sid FROM unnest($1::text[]) AS sid
             WHERE NOT EXISTS (SELECT FROM active_calls WHERE call_sid = sid AND processed)) AS calls,
       ARRAY(SELECT number::text FROM lines WHERE number = ANY ($2::text[])) AS lines
