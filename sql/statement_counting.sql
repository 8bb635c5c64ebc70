-- Whether the server counts statements by their digest: 3 if all that this needs is switched on.
SELECT
  (SELECT COUNT(*) FROM performance_schema.setup_consumers
   WHERE NAME IN ('global_instrumentation', 'statements_digest') AND ENABLED = 'YES')
  + (SELECT COUNT(*) FROM performance_schema.setup_instruments
     WHERE NAME = 'statement/sql/select' AND ENABLED = 'YES' AND TIMED = 'YES')
