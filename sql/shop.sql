-- A small shop, to try rcache on tables of your own: 20,000 customers, 60,000 orders and 120,000 items, made by SQL
-- alone in a few seconds and the same everywhere. For MySQL 8 and MariaDB 10.11 or newer.
--
-- Into the sandbox:       rcache sandbox load sql/shop.sql
-- Into another database:  mysql DATABASE < sql/shop.sql
--
-- It drops nothing: tables with these names must not be there yet.

CREATE TABLE customers (
  id INT UNSIGNED NOT NULL PRIMARY KEY,
  name VARCHAR(80) NOT NULL,
  email VARCHAR(120) NOT NULL,
  country CHAR(2) NOT NULL,
  since DATE NOT NULL,
  UNIQUE KEY by_email (email),
  KEY by_country (country)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE orders (
  id INT UNSIGNED NOT NULL PRIMARY KEY,
  customer_id INT UNSIGNED NOT NULL,
  status ENUM('open', 'paid', 'sent', 'returned') NOT NULL,
  placed_at DATETIME NOT NULL,
  total DECIMAL(10, 2) NOT NULL DEFAULT 0,
  note VARCHAR(200) NULL,
  KEY by_customer (customer_id),
  KEY by_time (placed_at),
  CONSTRAINT order_of_customer FOREIGN KEY (customer_id) REFERENCES customers (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

CREATE TABLE items (
  order_id INT UNSIGNED NOT NULL,
  line TINYINT UNSIGNED NOT NULL,
  product_id INT UNSIGNED NOT NULL,
  quantity SMALLINT UNSIGNED NOT NULL,
  price DECIMAL(8, 2) NOT NULL,
  PRIMARY KEY (order_id, line),
  KEY by_product (product_id),
  CONSTRAINT item_of_order FOREIGN KEY (order_id) REFERENCES orders (id)
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;

-- CRC32 takes the place of a random number: the same on every server. The e0 below keeps MySQL from rounding to four
-- digits.
INSERT INTO customers (id, name, email, country, since)
WITH digits AS (
  SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
  UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9
), numbers AS (
  SELECT 1 + a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n AS id
  FROM digits a, digits b, digits c, digits d, digits e
  WHERE e.n < 2
)
SELECT id,
  CONCAT(
    ELT(1 + CRC32(CONCAT('first', id)) % 12, 'Ada', 'Ben', 'Chloé', 'Dmitri', 'Elif', 'Fatou', 'Grace', 'Hiro', 'Inés',
      'Jonas', 'Kofi', 'Linnéa'),
    ' ',
    ELT(1 + CRC32(CONCAT('last', id)) % 10, 'Åberg', 'Bianchi', 'Costa', 'Dubois', 'Eriksen', 'Fischer', 'García', 'Haddad',
      'Ito', 'Novák')),
  CONCAT('customer', id, '@example.', ELT(1 + id % 3, 'com', 'net', 'org')),
  ELT(1 + CRC32(CONCAT('country', id)) % 8, 'DE', 'ES', 'FR', 'GB', 'IT', 'JP', 'SE', 'US'),
  DATE_ADD('2020-01-01', INTERVAL CRC32(CONCAT('since', id)) % 1500 DAY)
FROM numbers
ORDER BY id;

-- Some customers order often, and many seldom: the square of a number between 0 and 1 is mostly small.
INSERT INTO orders (id, customer_id, status, placed_at, note)
WITH digits AS (
  SELECT 0 AS n UNION ALL SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3 UNION ALL SELECT 4
  UNION ALL SELECT 5 UNION ALL SELECT 6 UNION ALL SELECT 7 UNION ALL SELECT 8 UNION ALL SELECT 9
), numbers AS (
  SELECT 1 + a.n + 10 * b.n + 100 * c.n + 1000 * d.n + 10000 * e.n AS id
  FROM digits a, digits b, digits c, digits d, digits e
  WHERE e.n < 6
)
SELECT id,
  1 + FLOOR(20000 * POW(CRC32(CONCAT('customer', id)) / 4294967296e0, 2)),
  ELT(1 + CRC32(CONCAT('status', id)) % 4, 'open', 'paid', 'sent', 'returned'),
  DATE_ADD('2024-01-01 00:00:00', INTERVAL 500 * id + CRC32(CONCAT('time', id)) % 500 SECOND),
  IF(id % 10 = 0, 'a gift: no bill in the parcel, please', NULL)
FROM numbers
ORDER BY id;

INSERT INTO items (order_id, line, product_id, quantity, price)
SELECT orders.id, numbered.line,
  1 + CRC32(CONCAT('product', orders.id, '-', numbered.line)) % 1000,
  1 + CRC32(CONCAT('quantity', orders.id, '-', numbered.line)) % 4,
  (99 + CRC32(CONCAT('price', orders.id, '-', numbered.line)) % 19900) / 100
FROM orders
JOIN (SELECT 1 AS line UNION ALL SELECT 2 UNION ALL SELECT 3) AS numbered ON numbered.line <= 1 + orders.id % 3
ORDER BY orders.id, numbered.line;

UPDATE orders
JOIN (SELECT order_id, SUM(quantity * price) AS total FROM items GROUP BY order_id) AS sums ON sums.order_id = orders.id
SET orders.total = sums.total;

ANALYZE TABLE customers, orders, items;
