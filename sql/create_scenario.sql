-- The rows of an experiment of `rcache scenario`: written again and again, the payload a function of (id, version).
-- The comment marks the table as rcache's own; it lives as long as the experiment.
CREATE TABLE rcache_scenario (
  id      INT UNSIGNED    NOT NULL,
  version BIGINT UNSIGNED NOT NULL,
  payload VARCHAR(64)     NOT NULL,
  PRIMARY KEY (id)
) ENGINE = InnoDB, CHARACTER SET = ascii, COLLATE = ascii_bin, COMMENT = 'made by rcache'
