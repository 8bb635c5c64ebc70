//! Statements that must change nothing, by an account with all rights: nothing in the database, on
//! its disk, among its locks and settings, or among keys of others in Redis is another afterwards.

use std::collections::BTreeMap;

use mysql::prelude::Queryable;

use crate::private_mysql::PrivateMysql;
use crate::private_redis::PrivateRedis;
use crate::world::{self, Ran, rcache};

crate::tests![no_hostile_statement_changes_anything];

/// Lines of `tests/hostile.txt`: who refuses it, and the statement.
fn statements() -> Vec<(&'static str, String)> {
    let lines = include_str!("../hostile.txt").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (judge, text) = line.split_once('\t').unwrap();
            let text = text.replace("\\\\", "\u{1}").replace("\\n", "\n").replace("\\t", "\t");
            (judge, text.replace('\u{1}', "\\"))
        })
        .collect()
}

const VICTIMS: [&str; 11] = [
    "CREATE DATABASE hostile",
    "CREATE TABLE victims (a INT PRIMARY KEY, b INT)",
    "INSERT INTO victims VALUES (1, 1), (2, 2), (3, 3)",
    "CREATE TABLE log_of_writes (a INT AUTO_INCREMENT PRIMARY KEY) ENGINE = MyISAM",
    "CREATE FUNCTION writes_too() RETURNS INT MODIFIES SQL DATA BEGIN INSERT INTO log_of_writes VALUES (NULL); RETURN 1; END",
    "CREATE FUNCTION locks_too() RETURNS INT READS SQL DATA RETURN (SELECT a FROM victims LIMIT 1 FOR UPDATE)",
    "CREATE FUNCTION sets_too() RETURNS INT READS SQL DATA BEGIN SET GLOBAL max_connections = 7; RETURN 1; END",
    "CREATE VIEW writing_view AS SELECT a, writes_too() AS b FROM victims",
    "CREATE VIEW setting_view AS SELECT a, sets_too() AS b FROM victims",
    "CREATE VIEW outer_view AS SELECT b FROM setting_view",
    "CREATE VIEW harmless_view AS SELECT a, CONCAT(b, 'x') AS b FROM victims WHERE a IN (1, 2)",
];

/// Everything that a statement might have changed.
fn state(conn: &mut mysql::Conn, server: &PrivateMysql, redis: &PrivateRedis) -> BTreeMap<String, String> {
    let mut state = BTreeMap::new();
    for table in ["victims", "log_of_writes"] {
        let sum: (String, Option<u64>) =
            conn.query_first(format!("CHECKSUM TABLE {table}")).unwrap().unwrap();
        state.insert(format!("checksum of {table}"), format!("{sum:?}"));
    }
    let counter: Option<i64> = conn.query_first("SELECT next_not_cached_value FROM counter").ok().flatten();
    state.insert("counter".to_owned(), format!("{counter:?}"));
    let tables: Vec<(String, String, Option<String>)> = conn
        .query(
            "SELECT table_schema, table_name, CAST(create_time AS CHAR) FROM information_schema.tables \
             WHERE table_schema NOT IN ('information_schema', 'performance_schema', 'sys') ORDER BY 1, 2",
        )
        .unwrap();
    state.insert("tables".to_owned(), format!("{tables:?}"));
    let variables: Vec<(String, String)> = conn.query("SHOW GLOBAL VARIABLES").unwrap();
    let settled = variables.into_iter().filter(|(name, _)| name != "timestamp" && !name.starts_with("gtid"));
    state.extend(settled.map(|(name, value)| (format!("variable {name}"), value)));
    let users: Vec<String> = conn.query("SELECT CONCAT(user, '@', host) FROM mysql.user ORDER BY 1").unwrap();
    state.insert("users".to_owned(), format!("{users:?}"));
    let locks: Option<(i64, i64)> =
        conn.query_first("SELECT IS_FREE_LOCK('hostile'), IS_FREE_LOCK('held')").unwrap();
    state.insert("locks".to_owned(), format!("{locks:?}"));
    let plugins: Option<u64> = conn.query_first("SELECT COUNT(*) FROM information_schema.plugins").unwrap();
    state.insert("plugins".to_owned(), format!("{plugins:?}"));
    let files: Vec<_> = std::fs::read_dir(server.files()).unwrap().map(|file| file.unwrap().path()).collect();
    state.insert("files".to_owned(), format!("{files:?}"));
    let mut redis = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    let mut keys: Vec<String> = redis::cmd("KEYS").arg("*").query(&mut redis).unwrap();
    keys.retain(|key| !key.starts_with("hostile"));
    keys.sort_unstable();
    for key in keys {
        let value: Vec<u8> = redis::cmd("DUMP").arg(&key).query(&mut redis).unwrap();
        state.insert(format!("key {key}"), format!("{value:?}"));
    }
    state
}

fn run(server: &PrivateMysql, redis: &PrivateRedis, arguments: &[&str]) -> Ran {
    let mut command = rcache();
    command.args(["bench", "--namespace", "hostile", "--query-timeout", "2"]).args(arguments);
    world::ran(command.args(["--mysql-url", &server.url(), "--redis-url", &redis.url()]))
}

fn no_hostile_statement_changes_anything() {
    let help = world::ran(rcache().args(["bench", "--help"])).stdout;
    if !help.contains("--dry-run") {
        return world::skipped("this build measures no query of the user's own");
    }
    let (server, redis) = (PrivateMysql::start(&[]), PrivateRedis::start(""));
    let mut conn = world::connect(&server.url());
    VICTIMS.iter().for_each(|sql| conn.query_drop(sql).unwrap());
    // MySQL has no sequences.
    let _ = conn.query_drop("CREATE SEQUENCE counter NOCACHE");
    let _: Option<i64> = conn.query_first("SELECT GET_LOCK('held', 0)").unwrap();
    let mut other = redis::Client::open(redis.url()).unwrap().get_connection().unwrap();
    redis::cmd("SET").arg("somebody else's").arg("precious").exec(&mut other).unwrap();
    let before = state(&mut conn, &server, &redis);
    for (judge, statement) in statements() {
        let file = server.files().join("written").display().to_string();
        let statement = statement.replace("'FILE'", &format!("'{file}'"));
        let ran = run(&server, &redis, &["--query", &statement, "--dry-run"]);
        assert!(!ran.stderr.contains("panicked"), "{statement}: {}", ran.stderr);
        if judge == "text" {
            assert_ne!(ran.code, Some(0), "{statement}: {}", ran.stdout);
        } else {
            // What only the server can judge is run in earnest, too.
            let ran = run(&server, &redis, &["--query", &statement, "--iterations", "3"]);
            assert!(!ran.stderr.contains("panicked"), "{statement}: {}", ran.stderr);
        }
        let after = state(&mut conn, &server, &redis);
        assert_eq!(after, before, "{statement}\n{}", ran.stderr);
    }
}
