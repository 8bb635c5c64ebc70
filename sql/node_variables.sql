-- What a server is among others; names that it does not know are missing from the answer.
SHOW SESSION VARIABLES WHERE Variable_name IN (
  'hostname', 'port', 'server_id', 'server_uuid', 'read_only', 'super_read_only', 'innodb_read_only',
  'wsrep_on', 'wsrep_cluster_name', 'wsrep_sync_wait', 'group_replication_group_name',
  'group_replication_consistency')
