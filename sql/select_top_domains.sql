-- Reads every row to answer with ten. Addresses are ASCII, and grouping them as bytes spares the server the collation of
-- every row: half the time and less on MariaDB, and no more on MySQL. It also orders domains of the same count by their
-- bytes, as the data set does.
SELECT SUBSTRING_INDEX(CAST(email AS BINARY), '@', -1) AS domain, COUNT(*) AS users
  FROM users
 GROUP BY domain
 ORDER BY users DESC, domain
 LIMIT 10
