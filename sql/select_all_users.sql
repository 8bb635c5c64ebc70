SELECT id, username, email FROM users ORDER BY id
