//! `rcache clean`: what rcache made goes from both servers, everything else stays, and one server
//! is enough to begin.

use mysql::prelude::Queryable;
use redis::Commands;

use crate::world::{self, Place, ran, rcache, world};

crate::tests![
    both_servers_are_cleaned_and_foreign_things_stay,
    a_server_that_is_absent_does_not_keep_the_other_dirty,
    without_a_sandbox_none_is_made,
    the_sandbox_is_named_with_what_removes_it,
];

fn both_servers_are_cleaned_and_foreign_things_stay() {
    let place = Place::seeded(200);
    place.run(&["bench", "-n", "20", "-w", "point"]).fine();
    let (mut conn, mut redis) = (place.mysql(), place.redis());
    conn.query_drop("CREATE TABLE orders (id INT PRIMARY KEY)").unwrap();
    let foreign = format!("{}:session", place.namespace);
    let _: () = redis.set(&foreign, "precious").unwrap();
    let cleaned = place.run(&["clean"]).fine();
    for words in ["dropped the tables users, rcache_meta", "removed 20 entries", "Left 1 key alone"] {
        assert!(cleaned.stdout.contains(words), "{words:?} is missing in:\n{}", cleaned.stdout);
    }
    let tables: Vec<String> = conn.query("SHOW TABLES").unwrap();
    assert_eq!(tables, ["orders"]);
    assert!(redis.exists::<_, bool>(&foreign).unwrap());
    let again = place.run(&["clean", "--format", "json"]).fine().json();
    assert_eq!(again["format"], "rcache-clean");
    assert_eq!(again["mysql"]["cleaned"]["dropped"], serde_json::json!([]));
    assert_eq!(again["redis"]["cleaned"]["removed"], 0);
    conn.query_drop("CREATE TABLE users (id INT PRIMARY KEY)").unwrap();
    assert!(place.run(&["clean"]).fine().stdout.contains("rcache did not make"));
    let tables: Vec<String> = conn.query("SHOW TABLES").unwrap();
    assert_eq!(tables, ["orders", "users"]);
}

fn a_server_that_is_absent_does_not_keep_the_other_dirty() {
    let place = Place::seeded(200);
    place.run(&["bench", "-n", "20", "-w", "point"]).fine();
    let mut command = rcache();
    command.args([
        "clean",
        "--mysql-url",
        "mysql://u:hunter2@127.0.0.1:1/x",
        "--redis-url",
        &world().redis_url(),
    ]);
    let first = ran(command.args(["--namespace", &place.namespace])).failed(1, &["127.0.0.1:1"]);
    assert!(first.stdout.contains("removed 20 entries") && first.stdout.contains("MySQL: not cleaned"));
    let mut command = rcache();
    command.args(["clean", "--mysql-url", &place.mysql_url(), "--redis-url", "redis://:hunter2@127.0.0.1:1"]);
    let second = ran(&mut command).failed(1, &["127.0.0.1:1"]);
    assert!(second.stdout.contains("dropped the tables") && second.stdout.contains("Redis: not cleaned"));
    assert_eq!(place.mysql().query::<String, _>("SHOW TABLES").unwrap(), Vec::<String>::new());
}

fn without_a_sandbox_none_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("sandbox");
    let cleaned = ran(rcache().args(["clean", "--sandbox-dir"]).arg(&dir)).fine();
    assert!(cleaned.stdout.contains("there is no sandbox"), "{}", cleaned.stdout);
    assert!(!dir.exists());
}

fn the_sandbox_is_named_with_what_removes_it() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().join("sandbox");
    ran(rcache().args(["seed", "--users", "100", "--sandbox-dir"]).arg(&dir)).fine();
    let cleaned = ran(rcache().args(["clean", "--sandbox-dir"]).arg(&dir)).fine();
    let destroy = format!("sandbox destroy --sandbox-dir {}", dir.display());
    for words in ["dropped the tables users, rcache_meta", "MiB", &destroy] {
        assert!(cleaned.stdout.contains(words), "{words:?} is missing in:\n{}", cleaned.stdout);
    }
    assert_eq!(world::servers_of(folder.path()), Vec::<String>::new());
}
