-- Parameter: id.
SELECT id, username, email FROM users WHERE id = ?
