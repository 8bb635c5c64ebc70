-- One rcache at a time changes the tables of a database. 1: ours; 0: somebody else held it for a second.
-- Hashed, since a lock's name has at most 64 characters; not by MD5, which MySQL 9.6 does without.
SELECT GET_LOCK(CONCAT('rcache:', LEFT(SHA2(DATABASE(), 256), 40)), 1)
