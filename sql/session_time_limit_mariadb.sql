-- MariaDB only, s.
SET SESSION max_statement_time = {limit}
