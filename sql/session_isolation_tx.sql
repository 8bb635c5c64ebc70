SELECT CONCAT_WS('\n', @@tx_isolation, @@tx_read_only)
