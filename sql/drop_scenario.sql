DROP TABLE rcache_scenario
