-- Which server answers, and the number that it gives this connection.
SELECT @@hostname, @@port, @@server_id, CONNECTION_ID()
