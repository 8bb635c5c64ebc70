INSERT INTO rcache_scenario (id, version, payload) VALUES (?, ?, ?)
