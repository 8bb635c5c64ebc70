-- The state of a server among others. No right is needed for it.
SHOW GLOBAL STATUS WHERE Variable_name IN (
  'wsrep_cluster_size', 'wsrep_cluster_status', 'wsrep_local_state_comment', 'Slaves_running')
