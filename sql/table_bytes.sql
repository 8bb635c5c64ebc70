-- The size of the users with their indexes, as InnoDB estimates it. Parameters: none; the database is the connection's.
SELECT CAST(DATA_LENGTH + INDEX_LENGTH AS UNSIGNED)
  FROM information_schema.TABLES
 WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = 'users'
