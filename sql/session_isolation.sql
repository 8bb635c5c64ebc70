-- The servers' own default. Named differently as a variable by MySQL and by MariaDB, and alike as a statement.
SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE
