-- Counts the users' pages anew, so that sizes and plans are right immediately after a seed. Parameters: none.
ANALYZE NO_WRITE_TO_BINLOG TABLE users
