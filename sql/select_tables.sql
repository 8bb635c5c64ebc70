-- The two names that rcache uses, whoever made them. Parameters: none; the database is the connection's.
SELECT TABLE_NAME AS table_name, TABLE_TYPE AS table_type, TABLE_COMMENT AS table_comment
  FROM information_schema.TABLES
 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME IN ('users', 'rcache_meta')
