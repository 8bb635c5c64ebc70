-- Parameters: username, e-mail address, id. A row that has these values already counts as found, see lock_serve_user.sql.
UPDATE rcache_serve SET username = ?, email = ? WHERE id = ?
