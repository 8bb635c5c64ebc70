-- One experiment at a time in a database. 1: ours; 0: somebody else runs one. Hashed as in lock_seed.sql.
SELECT GET_LOCK(CONCAT('rcache:scenario:', LEFT(SHA2(DATABASE(), 256), 40)), 1)
