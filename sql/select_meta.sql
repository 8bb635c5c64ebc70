SELECT CAST(state AS CHAR), users, rng_seed, fingerprint FROM rcache_meta WHERE id = 1
