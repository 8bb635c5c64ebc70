-- One `rcache serve` at a time in a database. 1: ours; 0: another one runs. Hashed as in lock_seed.sql.
SELECT GET_LOCK(CONCAT('rcache:serve:', LEFT(SHA2(DATABASE(), 256), 40)), 1)
