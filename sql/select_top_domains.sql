-- Reads every row to answer with ten. Domains of the same count come in the order of their names, which are made of
-- letters, hyphens and dots: the column's collation orders those as their bytes are.
SELECT SUBSTRING_INDEX(email, '@', -1) AS domain, COUNT(*) AS users
  FROM users
 GROUP BY domain
 ORDER BY users DESC, domain
 LIMIT 10
