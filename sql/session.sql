-- Run on every connection.
SET NAMES utf8mb4
