-- For the bare LOAD DATA of scripts/limits alone: lets MariaDB build an empty table in bulk. That takes an exclusive lock
-- on the table, which would keep every connection but one out of a seed.
SET SESSION unique_checks = 0, foreign_key_checks = 0
