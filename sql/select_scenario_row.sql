SELECT version, payload FROM rcache_scenario WHERE id = ?
