-- MySQL only: a limit on statements would cut a long measurement off.
SET SESSION max_execution_time = 0
