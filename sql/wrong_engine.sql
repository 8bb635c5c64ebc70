-- A table of ours that has no transactions, and its engine.
SELECT own.TABLE_NAME AS table_name, COALESCE(own.ENGINE, '') AS engine
  FROM information_schema.TABLES AS own
  LEFT JOIN information_schema.ENGINES AS known ON known.ENGINE = own.ENGINE
 WHERE own.TABLE_SCHEMA = DATABASE() AND own.TABLE_TYPE = 'BASE TABLE'
   AND own.TABLE_NAME IN ('users', 'rcache_meta', 'rcache_scenario', 'rcache_serve') AND own.TABLE_COMMENT = 'made by rcache'
   AND COALESCE(known.TRANSACTIONS, 'NO') <> 'YES'
 LIMIT 1
