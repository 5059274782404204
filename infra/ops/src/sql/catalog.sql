-- catalog: the schema as this server holds it, one object a line, in a form that does not depend on the
-- server's version or on the order in which things were made.
SELECT object FROM (
  SELECT format('%s.%s: %s%s', class.relname, attribute.attname,
                format_type(attribute.atttypid, attribute.atttypmod),
                CASE WHEN attribute.attnotnull THEN ' not null' ELSE '' END) AS object, 1 AS sort
  FROM pg_attribute AS attribute
  JOIN pg_class AS class ON class.oid = attribute.attrelid
  WHERE class.relnamespace = 'public'::regnamespace AND class.relkind IN ('r', 'v')
    AND attribute.attnum > 0 AND NOT attribute.attisdropped
    AND class.relname NOT IN ('refinery_schema_history', 'legacy_active_calls')
  UNION ALL
  SELECT format('index %s: %s', class.relname, regexp_replace(pg_get_indexdef(class.oid), '^.* ON ', '')), 2
  FROM pg_class AS class JOIN pg_index AS index ON index.indexrelid = class.oid
  WHERE class.relnamespace = 'public'::regnamespace AND index.indisvalid
    AND index.indrelid NOT IN (SELECT oid FROM pg_class WHERE relname IN ('refinery_schema_history', 'legacy_active_calls'))
  UNION ALL
  SELECT format('constraint %s.%s: %s%s', coalesce(class.relname, type.typname), rule.conname,
                pg_get_constraintdef(rule.oid), CASE WHEN rule.convalidated THEN '' ELSE ' (not validated)' END), 3
  FROM pg_constraint AS rule
  LEFT JOIN pg_class AS class ON class.oid = rule.conrelid
  LEFT JOIN pg_type AS type ON type.oid = rule.contypid
  -- NOT NULL is a constraint of its own since PostgreSQL 18; the columns say it already.
  WHERE rule.connamespace = 'public'::regnamespace AND rule.contype <> 'n'
    AND coalesce(class.relname, '') NOT IN ('refinery_schema_history', 'legacy_active_calls')
  UNION ALL
  SELECT format('trigger %s.%s', class.relname, trigger.tgname), 4
  FROM pg_trigger AS trigger JOIN pg_class AS class ON class.oid = trigger.tgrelid
  WHERE class.relnamespace = 'public'::regnamespace AND NOT trigger.tgisinternal AND trigger.tgenabled <> 'D'
  UNION ALL
  SELECT format('function %s: %s', proname, md5(regexp_replace(prosrc, '\s+', ' ', 'g'))), 5
  FROM pg_proc AS function JOIN pg_language AS language ON language.oid = function.prolang
  WHERE pronamespace = 'public'::regnamespace AND lanname IN ('sql', 'plpgsql')
  UNION ALL
  -- With its owner's rights: nobody else may have it run.
  SELECT format('execute %s: %s', proname,
                CASE WHEN has_function_privilege('switchboard_app', oid, 'EXECUTE') THEN 'anybody' ELSE 'its owner' END), 5
  FROM pg_proc
  WHERE pronamespace = 'public'::regnamespace AND prosecdef
  UNION ALL
  SELECT format('grant %s: %s', table_name, string_agg(privilege_type, ', ' ORDER BY privilege_type)), 6
  FROM information_schema.role_table_grants
  WHERE grantee = 'switchboard_app' AND table_schema = 'public'
    AND table_name NOT IN ('refinery_schema_history', 'legacy_active_calls')
  GROUP BY table_name
  UNION ALL
  -- The ledger's rights are given by column: what an attempt or a job is, nobody may change.
  SELECT format('grant %s.%s: %s', table_name, column_name, string_agg(privilege_type, ', ' ORDER BY privilege_type)), 7
  FROM information_schema.role_column_grants
  WHERE grantee = 'switchboard_app' AND table_schema = 'public' AND privilege_type <> 'SELECT'
    AND table_name NOT IN ('refinery_schema_history', 'legacy_active_calls')
  GROUP BY table_name, column_name
) AS catalog
ORDER BY sort, object
