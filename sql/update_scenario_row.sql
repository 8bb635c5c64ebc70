UPDATE rcache_scenario SET version = ?, payload = ? WHERE id = ?
