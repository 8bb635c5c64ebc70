-- One rcache at a time changes the tables of a database. 1: ours; 0: somebody else holds it.
SELECT GET_LOCK(CONCAT('rcache:', MD5(DATABASE())), 0)
