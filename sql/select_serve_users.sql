SELECT id, username, email FROM rcache_serve ORDER BY id
