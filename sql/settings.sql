-- Settings that change a number; the names that a server does not know are missing from the answer.
SHOW GLOBAL VARIABLES WHERE Variable_name IN (
  'innodb_buffer_pool_size', 'innodb_flush_log_at_trx_commit', 'innodb_flush_method', 'query_cache_type',
  'query_cache_size', 'performance_schema', 'thread_handling', 'max_allowed_packet', 'local_infile')
