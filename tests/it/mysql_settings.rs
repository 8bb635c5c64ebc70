//! Hostile servers and proxies: other defaults, other storage engines, no LOAD DATA. Rcache sets
//! what it needs, falls back, or refuses with words; and it never counts on a default.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread;

use mysql::prelude::Queryable;

use crate::sandbox::Sandbox;
use crate::world::{self, Place, rcache};

crate::tests![
    no_default_of_the_server_changes_what_is_seeded_and_read,
    an_account_of_the_system_s_users_is_explained,
    a_server_without_transactions_is_refused,
    the_server_s_own_databases_are_refused,
    any_refusal_of_load_data_falls_back_to_insert,
];

/// Every mode of MariaDB 10.11 and of MySQL 8.4; one that this server does not know is passed over.
const MODES: [&str; 24] = [
    "",
    "ANSI",
    "ORACLE",
    "MSSQL",
    "DB2",
    "MAXDB",
    "POSTGRESQL",
    "TRADITIONAL",
    "NO_BACKSLASH_ESCAPES",
    "ANSI_QUOTES",
    "PIPES_AS_CONCAT",
    "IGNORE_SPACE",
    "PAD_CHAR_TO_FULL_LENGTH",
    "ONLY_FULL_GROUP_BY",
    "STRICT_TRANS_TABLES",
    "STRICT_ALL_TABLES",
    "NO_ZERO_DATE",
    "NO_AUTO_VALUE_ON_ZERO",
    "EMPTY_STRING_IS_NULL",
    "SIMULTANEOUS_ASSIGNMENT",
    "TIME_ROUND_FRACTIONAL",
    "NO_UNSIGNED_SUBTRACTION",
    "HIGH_NOT_PRECEDENCE",
    "REAL_AS_FLOAT",
];

/// Defaults that break a program which counts on the usual ones.
const HOSTILE: [&str; 26] = [
    "autocommit = 0",
    "completion_type = 'CHAIN'",
    "completion_type = 'RELEASE'",
    "sql_safe_updates = 1",
    "sql_select_limit = 3",
    "max_join_size = 10",
    "sql_big_selects = 0",
    "time_zone = '-12:59'",
    "foreign_key_checks = 0",
    "unique_checks = 0",
    "sql_buffer_result = 1",
    "lock_wait_timeout = 1",
    "innodb_lock_wait_timeout = 1",
    "net_write_timeout = 1",
    "net_read_timeout = 1",
    "wait_timeout = 1",
    "interactive_timeout = 1",
    "group_concat_max_len = 4",
    "max_statement_time = 0.001",
    "idle_transaction_timeout = 1",
    "default_storage_engine = 'MyISAM'",
    "explicit_defaults_for_timestamp = 0",
    "sql_require_primary_key = 1",
    "character_set_server = 'latin1'",
    "collation_server = 'utf16_bin'",
    "max_allowed_packet = 16384",
];

/// MariaDB has the method built in; MySQL needs a plugin, and then there is nothing to try.
fn an_account_of_the_system_s_users_is_explained() {
    let sandbox = Sandbox::new();
    sandbox.run_well("start");
    let mut admin = world::connect(&sandbox.mysql_url());
    let user =
        String::from_utf8(std::process::Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let user = user.trim();
    for statement in [
        "CREATE USER somebody IDENTIFIED VIA unix_socket".to_owned(),
        format!("CREATE OR REPLACE USER {user}@localhost IDENTIFIED VIA unix_socket"),
        format!("GRANT ALL ON rcache.* TO {user}@localhost"),
    ] {
        if admin.query_drop(statement).is_err() {
            world::skipped("this database has no unix_socket accounts");
            return;
        }
    }
    let (socket, url) = (sandbox.dir().join("run/mysql.sock"), sandbox.mysql_url());
    let place = url.split('@').nth(1).unwrap();
    let seed = |url: &str| world::ran(world::rcache().args(["seed", "--users", "10", "--mysql-url", url]));
    seed(&format!("mysql://somebody@{place}")).failed(1, &["unix_socket", "?socket=/path"]);
    let over_socket = |user: &str| format!("mysql://{user}@localhost/rcache?socket={}", socket.display());
    seed(&over_socket("somebody")).failed(1, &["unix_socket"]);
    seed(&over_socket(user)).fine();
}

fn no_default_of_the_server_changes_what_is_seeded_and_read() {
    let sandbox = Sandbox::new();
    sandbox.run_well("start");
    let mut admin = world::connect(&sandbox.mysql_url());
    let command = |arguments: &[&str]| {
        let mut command = rcache();
        command.args(arguments).arg("--sandbox-dir").arg(sandbox.dir());
        world::ran(&mut command)
    };
    let mut hostile: Vec<String> = MODES.iter().map(|mode| format!("sql_mode = '{mode}'")).collect();
    hostile.extend(HOSTILE.map(str::to_owned));
    for level in ["READ UNCOMMITTED", "READ COMMITTED", "SERIALIZABLE"] {
        hostile.push(format!("TRANSACTION ISOLATION LEVEL {level}, READ ONLY"));
    }
    for setting in hostile {
        let name = setting.split(' ').next().unwrap().to_owned();
        let before: Option<(String, String)> =
            admin.query_first(format!("SHOW GLOBAL VARIABLES LIKE '{name}'")).unwrap();
        // This server does not know it.
        if admin.query_drop(format!("SET GLOBAL {setting}")).is_err() {
            continue;
        }
        let seeded = command(&["seed", "--users", "2500", "--force"]);
        assert_eq!(seeded.code, Some(0), "{setting}: {}", seeded.stderr);
        command(&["schema", "--drop"]).fine();
        let undo = match before {
            Some((_, value)) if value.parse::<f64>().is_ok() => format!("SET GLOBAL {name} = {value}"),
            Some((_, value)) => format!("SET GLOBAL {name} = '{value}'"),
            None => "SET GLOBAL TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ WRITE".to_owned(),
        };
        admin.query_drop(&undo).unwrap_or_else(|error| panic!("{undo}: {error}"));
    }
    // All of them together, through every kind of connection.
    for setting in HOSTILE.iter().filter(|setting| !setting.contains("RELEASE")) {
        let _ = admin.query_drop(format!("SET GLOBAL {setting}"));
    }
    let modes = "NO_BACKSLASH_ESCAPES,PAD_CHAR_TO_FULL_LENGTH";
    // MySQL has no mode of that name.
    if admin.query_drop(format!("SET GLOBAL sql_mode = 'ORACLE,{modes}'")).is_err() {
        admin.query_drop(format!("SET GLOBAL sql_mode = '{modes}'")).unwrap();
    }
    command(&["seed", "--users", "2500"]).fine();
    command(&["bench", "--iterations", "10", "--workload", "all,page,point,aggregate"]).fine();
    let stale = command(&["scenario", "corrupt", "--duration", "1"]);
    assert!([Some(0), Some(4)].contains(&stale.code), "{}", stale.stderr);
    sandbox.run_well("destroy");
}

fn a_server_without_transactions_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.run_well("start");
    let mut admin = world::connect(&sandbox.mysql_url());
    let seed = || world::ran(rcache().args(["seed", "--users", "100", "--sandbox-dir"]).arg(sandbox.dir()));
    let tables = |admin: &mut mysql::Conn| -> Vec<String> { admin.query("SHOW TABLES").unwrap() };
    if admin.query_drop("SET GLOBAL enforce_storage_engine = 'MyISAM'").is_ok() {
        seed().failed(1, &["InnoDB", "enforce_storage_engine"]);
        assert!(tables(&mut admin).is_empty(), "{:?}", tables(&mut admin));
        admin.query_drop("SET GLOBAL enforce_storage_engine = NULL").unwrap();
    }
    seed().fine();
    for engine in ["MyISAM", "MEMORY"] {
        admin.query_drop(format!("ALTER TABLE users ENGINE = {engine}")).unwrap();
        seed().failed(1, &["\"users\"", engine, "schema --drop"]);
        world::ran(rcache().args(["bench", "--iterations", "1", "--sandbox-dir"]).arg(sandbox.dir()))
            .failed(1, &["\"users\"", engine]);
    }
    world::ran(rcache().args(["schema", "--drop", "--sandbox-dir"]).arg(sandbox.dir())).fine();
    seed().fine();
    sandbox.run_well("destroy");
}

fn the_server_s_own_databases_are_refused() {
    let place = Place::new();
    for database in ["mysql", "sys", "information_schema", "performance_schema"] {
        let url = place.mysql_url().replace(&format!("/{}", place.database), &format!("/{database}"));
        for arguments in
            [&["seed", "--users", "10"][..], &["schema"], &["scenario", "stale", "--duration", "1"]]
        {
            let ran = world::ran(rcache().args(arguments).args(["--mysql-url", &url]));
            ran.failed(1, &["belongs to the server", "of its own"]);
        }
    }
}

/// Stands between rcache and MySQL. What it does when a client sends LOAD DATA:
#[derive(Clone, Copy, Debug)]
enum Refusal {
    /// It answers with this error, and the connection goes on.
    Error(u16),
    /// It closes the connection.
    Close,
}

/// A proxy in front of this port, on a port of its own.
fn proxy(server: u16, refusal: Refusal) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
            let (back, to_client) = (server.try_clone().unwrap(), client.try_clone().unwrap());
            thread::spawn(move || copy(back, to_client));
            thread::spawn(move || pass_on(client, server, refusal));
        }
    });
    port
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let _ = std::io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Both);
}

/// Passes packet after packet on; a client sends a LOAD DATA statement in one.
fn pass_on(mut client: TcpStream, mut server: TcpStream, refusal: Refusal) {
    let mut header = [0; 4];
    while client.read_exact(&mut header).is_ok() {
        let length = u32::from_le_bytes([header[0], header[1], header[2], 0]);
        let mut payload = vec![0; usize::try_from(length).unwrap()];
        if client.read_exact(&mut payload).is_err() {
            break;
        }
        if payload.first() == Some(&3) && String::from_utf8_lossy(&payload).contains("LOAD DATA") {
            let Refusal::Error(code) = refusal else { break };
            let words = [&[0xFF][..], &code.to_le_bytes(), b"#08S01Not through this proxy"].concat();
            let header = [u8::try_from(words.len()).unwrap(), 0, 0, 1];
            if client.write_all(&[&header[..], &words].concat()).is_err() {
                break;
            }
            continue;
        }
        if server.write_all(&[&header[..], &payload].concat()).is_err() {
            break;
        }
    }
    let _ = (client.shutdown(Shutdown::Both), server.shutdown(Shutdown::Both));
}

fn any_refusal_of_load_data_falls_back_to_insert() {
    for refusal in [
        Refusal::Error(1047),
        Refusal::Error(1148),
        Refusal::Error(1227),
        Refusal::Error(1235),
        Refusal::Error(3948),
        Refusal::Error(9999),
        Refusal::Close,
    ] {
        let place = Place::new();
        let port = proxy(world::world().mysql_port, refusal);
        let url = place.mysql_url().replace(&world::world().mysql_port.to_string(), &port.to_string());
        // Enough for several loaders.
        let seeded = world::ran(rcache().args(["seed", "--users", "25000", "--mysql-url", &url])).fine();
        assert!(seeded.stdout.contains("INSERT"), "{refusal:?}: {}", seeded.stdout);
        let why = if matches!(refusal, Refusal::Error(_)) { "Not through this proxy" } else { "closed" };
        assert!(
            seeded.stderr.contains(why) && seeded.stderr.contains("LOAD DATA"),
            "{refusal:?}: {}",
            seeded.stderr
        );
        assert_eq!(place.ask::<u32>("SELECT COUNT(*) FROM users"), 25_000, "{refusal:?}");
    }
}
