-- Run on every connection. A server may come with autocommit off; a seed would then be gone with its connection.
SET NAMES utf8mb4, autocommit = 1
