//! The schema, and above all: what rcache did not make is never touched.

use mysql::prelude::Queryable;

use crate::world::Place;

crate::tests![
    creating_is_idempotent_and_dropping_leaves_nothing,
    printing_changes_nothing_and_prints_what_is_run,
    a_foreign_table_is_never_touched,
    a_foreign_view_is_never_touched,
    a_foreign_meta_table_is_never_touched,
    a_table_that_replaced_ours_is_never_touched,
    a_table_whose_name_differs_in_case_is_never_touched,
    the_leftover_of_a_killed_experiment_is_dropped_and_a_foreign_one_is_not,
    without_the_right_to_create_it_says_so,
];

fn tables(place: &Place) -> Vec<String> {
    place.mysql().query("SHOW TABLES").unwrap()
}

fn creating_is_idempotent_and_dropping_leaves_nothing() {
    let place = Place::new();
    assert!(place.run(&["schema"]).fine().stdout.contains("Created"));
    assert_eq!(tables(&place), ["rcache_meta", "users"]);
    assert!(place.run(&["schema"]).fine().stdout.contains("already holds"));
    assert!(place.run(&["schema", "--drop"]).fine().stdout.contains("Dropped"));
    assert!(tables(&place).is_empty());
    assert!(place.run(&["schema", "--drop"]).fine().stdout.contains("nothing to drop"));
}

fn printing_changes_nothing_and_prints_what_is_run() {
    let place = Place::new();
    let printed = place.run(&["schema", "--print"]).fine().stdout;
    assert!(tables(&place).is_empty());
    let mut conn = place.mysql();
    for statement in printed.split(";\n").filter(|statement| !statement.trim().is_empty()) {
        conn.query_drop(statement).unwrap();
    }
    assert!(place.run(&["schema"]).fine().stdout.contains("already holds"));
    place.run(&["seed", "--users", "10"]).fine();
}

/// Everything that could write, against a database that must stay as it is.
fn assert_all_refuse(place: &Place, name: &str) {
    let commands: [&[&str]; 6] = [
        &["schema"],
        &["schema", "--drop"],
        &["seed", "--users", "5"],
        &["seed", "--users", "5", "--force"],
        &["bench", "--iterations", "1"],
        &["demo", "--users", "5", "--iterations", "1"],
    ];
    for command in commands {
        place.run(command).failed(1, &[name, "did not make", "untouched", "CREATE DATABASE"]);
    }
}

fn a_foreign_table_is_never_touched() {
    let place = Place::new();
    let mut conn = place.mysql();
    conn.query_drop("CREATE TABLE users (id INT PRIMARY KEY, note TEXT)").unwrap();
    conn.query_drop("INSERT INTO users VALUES (1, 'precious')").unwrap();
    let before: (String, String) = conn.query_first("SHOW CREATE TABLE users").unwrap().unwrap();
    assert_all_refuse(&place, "users");
    let after: (String, String) = conn.query_first("SHOW CREATE TABLE users").unwrap().unwrap();
    let rows: Vec<(i32, String)> = conn.query("SELECT * FROM users").unwrap();
    assert_eq!((before, rows), (after, vec![(1, "precious".to_owned())]));
    assert_eq!(tables(&place), ["users"], "nothing was added either");
}

fn a_foreign_view_is_never_touched() {
    let place = Place::new();
    let mut conn = place.mysql();
    conn.query_drop("CREATE VIEW users AS SELECT 1 AS id").unwrap();
    assert_all_refuse(&place, "view");
    assert_eq!(place.ask::<i32>("SELECT id FROM users"), 1);
}

fn a_foreign_meta_table_is_never_touched() {
    let place = Place::new();
    place.mysql().query_drop("CREATE TABLE rcache_meta (id INT PRIMARY KEY)").unwrap();
    assert_all_refuse(&place, "rcache_meta");
    assert_eq!(tables(&place), ["rcache_meta"]);
}

fn a_table_that_replaced_ours_is_never_touched() {
    let place = Place::seeded(20);
    let mut conn = place.mysql();
    conn.query_drop("DROP TABLE users").unwrap();
    conn.query_drop("CREATE TABLE users (id INT PRIMARY KEY)").unwrap();
    conn.query_drop("INSERT INTO users VALUES (7)").unwrap();
    assert_all_refuse(&place, "users");
    assert_eq!(place.ask::<i32>("SELECT id FROM users"), 7);
}

fn a_table_whose_name_differs_in_case_is_never_touched() {
    let place = Place::seeded(20);
    if place.ask::<u8>("SELECT @@lower_case_table_names") != 0 {
        return; // Here the two names are one table.
    }
    let mut conn = place.mysql();
    // Ours keeps its mark under the new name; under ours stands somebody else's.
    conn.query_drop("RENAME TABLE users TO Users").unwrap();
    conn.query_drop("CREATE TABLE users (id INT PRIMARY KEY)").unwrap();
    conn.query_drop("INSERT INTO users VALUES (7)").unwrap();
    // Which of the two is named depends on how the server compares names.
    assert_all_refuse(&place, "sers");
    assert_eq!(place.ask::<i32>("SELECT id FROM users"), 7);
    assert_eq!(place.ask::<i32>("SELECT COUNT(*) FROM Users"), 20);
}

fn the_leftover_of_a_killed_experiment_is_dropped_and_a_foreign_one_is_not() {
    let place = Place::new();
    let marked = "CREATE TABLE rcache_scenario (x INT) COMMENT = 'made by rcache'";
    place.mysql().query_drop(marked).unwrap();
    let said = place.run(&["schema", "--drop"]).fine().stdout;
    assert!(said.contains("Dropped the table rcache_scenario in"), "{said}");
    place.run(&["schema"]).fine();
    place.mysql().query_drop(marked).unwrap();
    let said = place.run(&["schema", "--drop"]).fine().stdout;
    assert!(said.contains("users, rcache_meta and rcache_scenario"), "{said}");
    assert!(tables(&place).is_empty());
    // Without the mark it is somebody else's, and all stays.
    place.run(&["schema"]).fine();
    place.mysql().query_drop("CREATE TABLE rcache_scenario (x INT)").unwrap();
    place.run(&["schema", "--drop"]).failed(1, &["rcache_scenario", "did not make", "untouched"]);
    assert_eq!(tables(&place), ["rcache_meta", "rcache_scenario", "users"]);
}

fn without_the_right_to_create_it_says_so() {
    let place = Place::new();
    let mut conn = place.mysql();
    conn.query_drop("CREATE USER IF NOT EXISTS reader@'127.0.0.1' IDENTIFIED BY 'hunter2'").unwrap();
    conn.query_drop(format!("GRANT SELECT ON {}.* TO reader@'127.0.0.1'", place.database)).unwrap();
    let port = crate::world::world().mysql_port;
    let url = format!("mysql://reader:hunter2@127.0.0.1:{port}/{}", place.database);
    let ran = crate::world::ran(crate::world::rcache().args(["schema", "--mysql-url", &url]));
    ran.failed(1, &["creating its tables", "GRANT ALL"]);
}
