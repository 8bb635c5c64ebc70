-- Lets the server build an empty InnoDB table in bulk; the ids are unique by construction, and the
-- fingerprint proves it afterwards.
SET SESSION unique_checks = 0, foreign_key_checks = 0
