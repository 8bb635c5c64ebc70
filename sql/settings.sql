-- Settings that change a number, as they hold for our own session; names that a server does not know are missing
-- from the answer.
SHOW SESSION VARIABLES WHERE Variable_name IN (
  'innodb_buffer_pool_size', 'innodb_flush_log_at_trx_commit', 'innodb_flush_method', 'query_cache_type',
  'performance_schema')
