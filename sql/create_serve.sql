-- The users of `rcache serve`: a copy of the table users, which its writes may change. The comment marks the table as
-- rcache's own; it lives as long as the command.
CREATE TABLE rcache_serve (
  id       INT UNSIGNED NOT NULL,
  username VARCHAR(80)  NOT NULL,
  email    VARCHAR(120) NOT NULL,
  PRIMARY KEY (id)
) ENGINE = InnoDB, CHARACTER SET = utf8mb4, COLLATE = utf8mb4_general_ci, COMMENT = 'made by rcache'
