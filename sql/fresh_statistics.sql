-- MySQL keeps the sizes of tables for a day; MariaDB does not know the setting, and needs none.
SET SESSION information_schema_stats_expiry = 0
