-- The number of tables that rcache did not make, and their size with their indexes, as InnoDB estimates it. Parameters:
-- none; the database is the connection's.
SELECT COUNT(*), CAST(COALESCE(SUM(DATA_LENGTH + INDEX_LENGTH), 0) AS UNSIGNED)
  FROM information_schema.TABLES
 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE = 'BASE TABLE' AND TABLE_COMMENT <> 'made by rcache'
