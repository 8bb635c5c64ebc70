-- What rcache made in this database, with which users; one row. The comments mark the tables as rcache's own.
CREATE TABLE IF NOT EXISTS rcache_meta (
  id          TINYINT UNSIGNED NOT NULL,
  state       ENUM('empty', 'seeding', 'seeded') NOT NULL,
  users       INT UNSIGNED     NOT NULL,
  rng_seed    BIGINT UNSIGNED  NOT NULL,
  fingerprint VARCHAR(64)      NOT NULL,
  changed_at  TIMESTAMP        NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP,
  PRIMARY KEY (id)
) ENGINE = InnoDB, CHARACTER SET = utf8mb4, COLLATE = utf8mb4_general_ci, COMMENT = 'made by rcache'
