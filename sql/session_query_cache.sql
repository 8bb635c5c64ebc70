-- MariaDB only: a query cache in the server would answer in MySQL's place. Refused if the server has none, which is fine.
SET SESSION query_cache_type = OFF
