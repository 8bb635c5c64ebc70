SELECT @@GLOBAL.performance_schema
