-- The longest statement that the server takes, in bytes. Parameters: none.
SELECT CAST(@@SESSION.max_allowed_packet AS UNSIGNED)
