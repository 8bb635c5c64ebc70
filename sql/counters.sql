-- What the server has counted since it started, for all connections together. No right is needed for it.
SHOW GLOBAL STATUS WHERE Variable_name IN (
  'Com_select', 'Com_stmt_execute', 'Innodb_buffer_pool_reads', 'Innodb_buffer_pool_read_requests',
  'Innodb_pages_read')
