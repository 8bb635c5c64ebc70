-- Run on every connection: what our statements rely on, whatever the server's defaults and its init_connect are.
-- sql_mode: our texts hold no backslash and no double quote, and a value that does not fit must be an error.
-- completion_type: with CHAIN or RELEASE a COMMIT begins a transaction or ends the connection.
-- time zone: a local hour that a clock change skips is no valid TIMESTAMP.
SET NAMES utf8mb4 COLLATE utf8mb4_general_ci,
  SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', SESSION time_zone = '+00:00',
  SESSION autocommit = 1, SESSION completion_type = 'NO_CHAIN',
  SESSION sql_safe_updates = 0, SESSION sql_select_limit = 18446744073709551615, SESSION sql_big_selects = 1,
  SESSION foreign_key_checks = 1, SESSION unique_checks = 1, SESSION sql_buffer_result = 0,
  SESSION innodb_lock_wait_timeout = 50, SESSION lock_wait_timeout = 120,
  SESSION net_read_timeout = 120, SESSION net_write_timeout = 120, SESSION wait_timeout = 28800
