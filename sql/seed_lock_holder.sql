-- Which connection of this server holds the lock of lock_seed.sql; NULL: none does.
SELECT IS_USED_LOCK(CONCAT('rcache:', LEFT(SHA2(DATABASE(), 256), 40)))
