-- Parameters: the first and the last id.
DELETE FROM users WHERE id BETWEEN ? AND ?
