-- A row that an earlier, interrupted run left stays as it is.
INSERT IGNORE INTO rcache_meta (id, state, users, rng_seed, fingerprint) VALUES (1, 'empty', 0, 0, '')
