DROP TABLE rcache_meta
