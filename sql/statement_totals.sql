-- All statements that the server has counted. The row without a digest is for those that found no room in the table.
SELECT COUNT(DIGEST), COALESCE(SUM(SUM_TIMER_WAIT), 0) / 1e12,
  COALESCE(SUM(CASE WHEN DIGEST IS NULL THEN COUNT_STAR ELSE 0 END), 0) / 1e0, CAST(MIN(FIRST_SEEN) AS CHAR)
FROM performance_schema.events_statements_summary_by_digest
