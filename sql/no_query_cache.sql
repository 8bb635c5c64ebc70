-- MariaDB only: a query cache in the server would answer in MySQL's place.
SET SESSION query_cache_type = OFF
