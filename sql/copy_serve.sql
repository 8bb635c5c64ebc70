INSERT INTO rcache_serve (id, username, email) SELECT id, username, email FROM users
