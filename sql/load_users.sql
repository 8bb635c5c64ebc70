-- The file name is a word for the client alone: the rows are made while they are sent.
LOAD DATA LOCAL INFILE 'rcache-users' INTO TABLE users
  CHARACTER SET utf8mb4 FIELDS TERMINATED BY '\t' ESCAPED BY '' LINES TERMINATED BY '\n'
  (id, username, email)
