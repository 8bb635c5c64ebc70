DROP TABLE rcache_serve
