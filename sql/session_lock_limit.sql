-- For statements of a user's own, s: a statement that waits for the lock of another session takes time, too.
SET SESSION lock_wait_timeout = {limit}, SESSION innodb_lock_wait_timeout = {limit}
