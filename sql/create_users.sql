-- The blog post's table. Not IF NOT EXISTS: a table that somebody made in between must be an error.
CREATE TABLE users (
  id       INT UNSIGNED NOT NULL,
  username VARCHAR(80)  NOT NULL,
  email    VARCHAR(120) NOT NULL,
  PRIMARY KEY (id)
) ENGINE = InnoDB, CHARACTER SET = utf8mb4, COLLATE = utf8mb4_general_ci, COMMENT = 'made by rcache'
