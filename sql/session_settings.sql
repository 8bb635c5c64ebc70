-- Reads back what session.sql has set, in the order of db/settings.rs.
SELECT CONCAT_WS('\n',
  @@character_set_client, @@character_set_connection, @@character_set_results, @@collation_connection,
  @@sql_mode, @@time_zone, @@autocommit, @@completion_type, @@sql_safe_updates, @@sql_select_limit,
  @@sql_big_selects, @@foreign_key_checks, @@unique_checks, @@sql_buffer_result, @@innodb_lock_wait_timeout,
  @@lock_wait_timeout, @@net_read_timeout, @@net_write_timeout, @@wait_timeout)
