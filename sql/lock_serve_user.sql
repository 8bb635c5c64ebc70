-- Two writers of one row take turns. Parameter: id.
SELECT id FROM rcache_serve WHERE id = ? FOR UPDATE
