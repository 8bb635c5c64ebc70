-- MariaDB only: a limit on statements or on idle transactions would cut a long measurement off.
SET SESSION max_statement_time = 0, SESSION idle_transaction_timeout = 0, SESSION idle_write_transaction_timeout = 0
