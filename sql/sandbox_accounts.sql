CREATE DATABASE IF NOT EXISTS rcache CHARACTER SET utf8mb4;
ALTER USER 'root'@'localhost' IDENTIFIED BY '{password}';
DROP USER IF EXISTS 'root'@'127.0.0.1', 'root'@'::1', ''@'localhost';
CREATE USER IF NOT EXISTS 'rcache'@'localhost';
CREATE USER IF NOT EXISTS 'rcache'@'127.0.0.1';
ALTER USER 'rcache'@'localhost' IDENTIFIED BY '{password}';
ALTER USER 'rcache'@'127.0.0.1' IDENTIFIED BY '{password}';
GRANT ALL PRIVILEGES ON *.* TO 'rcache'@'localhost' WITH GRANT OPTION;
GRANT ALL PRIVILEGES ON *.* TO 'rcache'@'127.0.0.1' WITH GRANT OPTION;
