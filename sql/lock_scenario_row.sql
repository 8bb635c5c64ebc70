-- Two writers of one row take turns.
SELECT version FROM rcache_scenario WHERE id = ? FOR UPDATE
