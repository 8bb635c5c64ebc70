-- Parameter: id.
SELECT id, username, email FROM rcache_serve WHERE id = ?
