SELECT CAST(@@max_statement_time AS CHAR)
