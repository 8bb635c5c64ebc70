SELECT CONCAT_WS('\n', @@transaction_isolation, @@transaction_read_only)
