-- One rcache at a time changes the tables of a database. 1: ours; 0: somebody else held it for a second.
SELECT GET_LOCK(CONCAT('rcache:', MD5(DATABASE())), 1)
