SELECT CAST(@@max_execution_time AS CHAR)
