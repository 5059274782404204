-- foreign_keys: every foreign key of ours, with the query that counts its orphans.
SELECT rule.conname::text AS name, rule.convalidated AS validated,
       format('SELECT count(*) FROM %s AS child WHERE child.%I IS NOT NULL AND NOT EXISTS (SELECT FROM %s AS parent WHERE parent.%I = child.%I)',
              rule.conrelid::regclass, child.attname, rule.confrelid::regclass, parent.attname, child.attname) AS orphans
FROM pg_constraint AS rule
JOIN pg_attribute AS child ON child.attrelid = rule.conrelid AND child.attnum = rule.conkey[1]
JOIN pg_attribute AS parent ON parent.attrelid = rule.confrelid AND parent.attnum = rule.confkey[1]
WHERE rule.contype = 'f' AND rule.connamespace = 'public'::regnamespace
ORDER BY rule.conname
