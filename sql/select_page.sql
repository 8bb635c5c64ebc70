-- Keyset paging: however far down the page lies, the server reads no row that it does not return.
-- Parameter: the last id of the page before, 0 for the first page.
SELECT id, username, email FROM users WHERE id > ? ORDER BY id LIMIT 50
