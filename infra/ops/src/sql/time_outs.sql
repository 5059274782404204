-- time_outs: the logins with the functions' role, and each time-out that they should have and have not, or have longer.
WITH logins AS (
  SELECT oid, rolname FROM pg_roles
  WHERE rolcanlogin AND NOT rolsuper AND pg_has_role(oid, 'switchboard_app', 'USAGE')
),
wanted (name, at_most) AS (
  VALUES ('statement_timeout', interval '5s'), ('lock_timeout', interval '2s'),
         ('idle_in_transaction_session_timeout', interval '10s')
),
-- What is set for the login in this database goes before what is set for it everywhere.
given AS (
  SELECT DISTINCT ON (logins.oid, wanted.name) logins.oid, wanted.name, split_part(setting, '=', 2) AS value
  FROM logins CROSS JOIN wanted
  JOIN pg_db_role_setting AS settings ON settings.setrole = logins.oid
    AND settings.setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
  CROSS JOIN LATERAL unnest(settings.setconfig) AS setting
  WHERE split_part(setting, '=', 1) = wanted.name
  ORDER BY logins.oid, wanted.name, settings.setdatabase DESC
),
-- Postgres takes a bare number for milliseconds.
read AS (
  SELECT logins.rolname, wanted.name, wanted.at_most,
         (CASE WHEN given.value ~ '^[0-9]+$' THEN given.value || ' ms' ELSE given.value END)::interval AS value
  FROM logins CROSS JOIN wanted LEFT JOIN given ON given.oid = logins.oid AND given.name = wanted.name
)
SELECT rolname AS login,
       array_agg(format('%s is %s, at most %s expected', name, coalesce(value::text, 'not set'), at_most) ORDER BY name)
         FILTER (WHERE value IS NULL OR value = interval '0' OR value > at_most) AS wrong
FROM read
GROUP BY rolname
ORDER BY rolname
