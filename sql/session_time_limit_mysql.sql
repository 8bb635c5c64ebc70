-- MySQL only, ms.
SET SESSION max_execution_time = {limit}
