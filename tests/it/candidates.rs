//! `rcache candidates` on a server that counts its statements, and on those that do not.

use mysql::prelude::Queryable;

use crate::formats::is_as_published;
use crate::private_mysql::PrivateMysql;
use crate::world::{self, Place, Ran, ran, rcache};

crate::tests![
    the_reads_of_a_shop_are_ranked,
    a_server_that_does_not_count_says_how_to_turn_it_on,
    candidates_need_a_server_of_the_users_own,
];

const BY_CUSTOMER: &str = "SELECT id, total FROM orders WHERE customer_id = ? ORDER BY id DESC LIMIT 20";

fn candidates(url: &str, arguments: &[&str]) -> Ran {
    let mut command = rcache();
    command.arg("candidates").args(arguments);
    ran(command.args(["--mysql-url", url, "--redis-url", &world::world().redis_url()]))
}

/// Counters of everything that writes.
fn writes(conn: &mut mysql::Conn) -> Vec<(String, String)> {
    conn.query(
        "SHOW GLOBAL STATUS WHERE Variable_name IN ('Com_insert', 'Com_update', 'Com_delete', 'Com_replace', \
         'Com_create_table', 'Com_drop_table', 'Com_alter_table', 'Com_set_option')",
    )
    .unwrap()
}

fn the_reads_of_a_shop_are_ranked() {
    let server = PrivateMysql::start(&["--performance-schema=ON"]);
    let mut conn = world::connect(&server.url());
    conn.query_drop(
        "CREATE TABLE orders (id INT PRIMARY KEY AUTO_INCREMENT, customer_id INT, total DECIMAL(10,2), KEY (customer_id))",
    )
    .unwrap();
    conn.query_drop("INSERT INTO orders (customer_id, total) VALUES (1, 2.5)").unwrap();
    for _ in 0..10 {
        conn.query_drop("INSERT INTO orders (customer_id, total) SELECT id % 50, 2.5 FROM orders").unwrap();
    }
    for customer in 0..10 {
        let sql = BY_CUSTOMER.replace('?', &customer.to_string());
        let _: Vec<mysql::Row> = conn.query(sql).unwrap();
        let slow = "SELECT a.customer_id, COUNT(*), SUM(b.total) FROM orders a JOIN orders b ON a.total = b.total \
                    WHERE a.id <> 'marked' GROUP BY a.customer_id";
        let _: Vec<mysql::Row> = conn.query(slow).unwrap();
        let _: Vec<mysql::Row> =
            conn.query("SELECT id FROM orders WHERE id IN (1, 2, 3) FOR UPDATE").unwrap();
    }
    let prepared =
        conn.prep("SELECT COUNT(*) FROM orders a JOIN orders b USING (total) WHERE a.id > ?").unwrap();
    for id in 0..5 {
        let _: Option<u64> = conn.exec_first(&prepared, (id,)).unwrap();
    }
    let before = writes(&mut conn);
    let document = candidates(&server.url(), &["--format", "json"]).fine().json();
    is_as_published("rcache-candidates.schema.json", &document);
    let changed: Vec<_> =
        writes(&mut conn).into_iter().zip(before).filter(|(after, before)| after != before).collect();
    assert!(
        changed.iter().all(|(after, _)| after.0 == "Com_set_option"),
        "only the session was set up: {changed:?}"
    );
    let found = document["candidates"].as_array().unwrap();
    let statements: Vec<&str> = found.iter().map(|found| found["statement"].as_str().unwrap()).collect();
    assert!(statements[0].contains("JOIN"), "{statements:?}");
    assert!(!statements.iter().any(|statement| statement.contains("FOR UPDATE")), "{statements:?}");
    assert!(!document.to_string().contains("marked"), "{document}");
    for candidate in found {
        let statement = candidate["statement"].as_str().unwrap();
        conn.prep(statement).unwrap_or_else(|error| panic!("{statement} cannot be prepared: {error}"));
        let command = candidate["command"].as_str().unwrap();
        assert!(command.contains("bench --query '") && command.contains("--mysql-url"), "{command}");
    }
    if document["flavor"] == "MariaDB" {
        assert!(document["uncounted_executions"].as_u64().unwrap() >= 5, "{document}");
    }
    let page = candidates(&server.url(), &[]).fine().stdout;
    assert!(page.contains("possible saving") && page.contains("bench --query '"), "{page}");
    assert!(candidates(&server.url(), &["--format", "markdown"]).fine().stdout.contains("```sh\n"));
    refusals(&server, &mut conn);
}

/// The same server with less.
fn refusals(server: &PrivateMysql, conn: &mut mysql::Conn) {
    conn.query_drop("CREATE USER plain@'127.0.0.1'").unwrap();
    conn.query_drop("GRANT SELECT ON shop.* TO plain@'127.0.0.1'").unwrap();
    candidates(&server.url_of("plain"), &[]).failed(1, &["GRANT SELECT ON performance_schema.* TO"]);
    conn.query_drop(
        "UPDATE performance_schema.setup_consumers SET ENABLED = 'NO' WHERE NAME = 'statements_digest'",
    )
    .unwrap();
    candidates(&server.url(), &[]).failed(1, &["UPDATE performance_schema.setup_consumers"]);
    conn.query_drop(
        "UPDATE performance_schema.setup_consumers SET ENABLED = 'YES' WHERE NAME = 'statements_digest'",
    )
    .unwrap();
    conn.query_drop("TRUNCATE performance_schema.events_statements_summary_by_digest").unwrap();
    conn.query_drop("CREATE DATABASE idle").unwrap();
    let page = candidates(&server.url().replace("/shop", "/idle"), &[]).fine().stdout;
    assert!(page.contains("No read of this database was counted"), "{page}");
}

fn a_server_that_does_not_count_says_how_to_turn_it_on() {
    Place::new().run(&["candidates"]).failed(1, &["performance_schema = ON", "[mysqld]"]);
}

fn candidates_need_a_server_of_the_users_own() {
    ran(rcache().arg("candidates")).failed(2, &["--mysql-url"]);
}
