-- The same three numbers that users.rs computes: rows, sum and exclusive or of every row's CRC-32.
SELECT COUNT(*),
       CAST(COALESCE(SUM(row_crc), 0) AS UNSIGNED),
       CAST(BIT_XOR(row_crc) AS UNSIGNED)
  FROM (SELECT CRC32(CONCAT_WS(',', id, username, email)) AS row_crc FROM users) AS rows_with_crc
