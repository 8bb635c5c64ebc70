-- Proxies that answer this themselves give their own name.
SELECT @@version_comment LIMIT 1
