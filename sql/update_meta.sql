-- Parameters: state, users, rng_seed, fingerprint.
REPLACE INTO rcache_meta (id, state, users, rng_seed, fingerprint) VALUES (1, ?, ?, ?, ?)
