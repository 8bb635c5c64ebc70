//! `rcache sandbox load`: dumps as `mysqldump` writes them, and files that are none.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use mysql::prelude::Queryable;

use crate::sandbox::Sandbox;
use crate::world::{self, Ran, rcache};

crate::tests![
    a_dump_of_odd_tables_is_loaded_whole,
    the_shop_is_loaded_and_stays,
    what_cannot_be_loaded_names_its_line,
    an_interrupt_ends_loading,
];

/// A kept sandbox, and the database in it.
struct Kept {
    sandbox: Sandbox,
    folder: tempfile::TempDir,
}

impl Kept {
    fn start() -> Self {
        let sandbox = Sandbox::new();
        sandbox.run_well("start");
        Self { sandbox, folder: tempfile::tempdir().unwrap() }
    }

    fn command(&self, file: &str) -> Command {
        let mut command = rcache();
        // A server that a URL names is never touched, be it there or not.
        command.env("RCACHE_MYSQL_URL", "mysql://somebody@127.0.0.1:1/production");
        command.args(["sandbox", "load", file, "--sandbox-dir"]).arg(self.sandbox.dir());
        command
    }

    fn load(&self, file: &Path) -> Ran {
        world::ran(&mut self.command(file.to_str().unwrap()))
    }

    fn load_text(&self, text: &str) -> Ran {
        let path = self.folder.path().join("file.sql");
        std::fs::write(&path, text).unwrap();
        self.load(&path)
    }

    fn connect(&self, database: &str) -> mysql::Conn {
        let state = self.sandbox.state();
        let (port, password) = (&state["mysql"]["port"], state["mysql"]["password"].as_str().unwrap());
        world::connect(&format!("mysql://rcache:{password}@127.0.0.1:{port}/{database}"))
    }
}

/// Tables with what a dump has trouble with.
const ODD: [&str; 12] = [
    "CREATE TABLE texts (id INT PRIMARY KEY, a TEXT CHARACTER SET utf8mb4, b VARCHAR(50) CHARACTER SET latin1)",
    "INSERT INTO texts VALUES (1, 'a;b''c\\\\d\"e\\n-- x\\r\\t', 'é'), (2, '🦀 DELIMITER ;; /* x */ # y', NULL), (3, '', '')",
    "CREATE TABLE binaries (id INT PRIMARY KEY, a BLOB, b VARBINARY(300), c BIT(64), d BINARY(4), e GEOMETRY)",
    "INSERT INTO binaries VALUES (1, x'00ff275c0a0d1a22', x'80818283', b'1010', 'ab', ST_GeomFromText('POINT(1 2)')), \
     (2, NULL, REPEAT(x'ff', 300), ~0, x'00000000', NULL)",
    "CREATE TABLE numbers (a BIGINT UNSIGNED PRIMARY KEY, b DECIMAL(65,30), c DOUBLE, d FLOAT, e YEAR, f TIME(6), g DATETIME(6), \
     h TIMESTAMP(6) NULL, i DATE, j ENUM('x','y;'), k SET('p','q'), l JSON)",
    "INSERT INTO numbers VALUES (18446744073709551615, -12345678901234567890123456789012345.123456789012345678901234567890, \
     1e308, 1.5, 1901, '-838:59:58.000001', '9999-12-31 23:59:59.999999', '2001-01-01 00:00:01.5', '1000-01-01', 'y;', 'p,q', \
     '{\"a\": [1, \";\"]}'), (0, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, '', NULL)",
    "CREATE TABLE `odd name; ``x```  (`a b` INT PRIMARY KEY, parent INT, CONSTRAINT c FOREIGN KEY (parent) REFERENCES numbers_of (id))",
    "INSERT INTO `odd name; ``x``` VALUES (1, NULL)",
    "CREATE TABLE wide (id INT PRIMARY KEY AUTO_INCREMENT, a LONGTEXT)",
    "INSERT INTO wide (a) VALUES (REPEAT('long;''', 700000)), ('short')",
    "CREATE TRIGGER doubled BEFORE INSERT ON wide FOR EACH ROW BEGIN SET NEW.a = CONCAT(NEW.a, ';'); SET @x = '//'; END",
    "CREATE VIEW shouted AS SELECT id, UPPER(a) AS a FROM texts",
];

fn a_dump_of_odd_tables_is_loaded_whole() {
    let Some(dump) = ["mariadb-dump", "mysqldump"].into_iter().find(|name| is_there(name)) else {
        return world::skipped("neither mariadb-dump nor mysqldump is on PATH");
    };
    let kept = Kept::start();
    let mut conn = kept.connect("rcache");
    conn.query_drop("CREATE DATABASE source CHARACTER SET utf8mb4").unwrap();
    conn.query_drop("USE source").unwrap();
    conn.query_drop("CREATE TABLE numbers_of (id INT PRIMARY KEY)").unwrap();
    ODD.iter().for_each(|sql| conn.query_drop(sql).unwrap());
    conn.query_drop(
        "CREATE DEFINER=gone@nowhere FUNCTION half(x INT) RETURNS INT DETERMINISTIC RETURN x / 2",
    )
    .unwrap();
    conn.query_drop("CREATE DEFINER=gone@nowhere PROCEDURE p() BEGIN SELECT 'a;b'; SELECT 1; END").unwrap();
    for options in [
        &["--hex-blob"][..],
        &["--skip-extended-insert"],
        &["--databases"],
        &["--databases", "--add-drop-database"],
    ] {
        let file = dumped(&kept, dump, options);
        kept.load(&file).fine();
        let tables = ["texts", "binaries", "numbers", "numbers_of", "`odd name; ``x```", "wide"];
        for table in tables {
            let sum = |conn: &mut mysql::Conn, database: &str| -> (String, Option<u64>) {
                conn.query_first(format!("CHECKSUM TABLE {database}.{table}")).unwrap().unwrap()
            };
            assert_eq!(sum(&mut conn, "source").1, sum(&mut conn, "rcache").1, "{table} with {options:?}");
        }
        let mut loaded = kept.connect("rcache");
        let shouted: Vec<(u32, String)> = loaded.query("SELECT id, a FROM shouted WHERE id = 2").unwrap();
        assert!(shouted[0].1.starts_with('🦀'), "the view runs without its definer");
        let half: Option<u32> = loaded.query_first("SELECT half(8)").unwrap();
        assert_eq!(half, Some(4));
        loaded.query_drop("CALL p()").unwrap();
        loaded.query_drop("INSERT INTO wide (a) VALUES ('x')").unwrap();
        let triggered: Option<String> =
            loaded.query_first("SELECT a FROM wide ORDER BY id DESC LIMIT 1").unwrap();
        assert_eq!(triggered.as_deref(), Some("x;"));
    }
}

fn is_there(name: &str) -> bool {
    Command::new(name).arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// A dump of the database `source`.
fn dumped(kept: &Kept, program: &str, options: &[&str]) -> PathBuf {
    let file = kept.folder.path().join("dump.sql");
    let state = kept.sandbox.state();
    let output = Command::new(program)
        .args(["--no-defaults", "--user=rcache", "--host=127.0.0.1", "--protocol=tcp"])
        .arg(format!("--port={}", state["mysql"]["port"]))
        .arg(format!("--result-file={}", file.display()))
        .args(["--routines", "--triggers", "--max-allowed-packet=512M"])
        .args(options)
        .arg("source")
        .env("MYSQL_PWD", state["mysql"]["password"].as_str().unwrap())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    file
}

fn the_shop_is_loaded_and_stays() {
    let kept = Kept::start();
    // The servers need not run.
    kept.sandbox.run_well("stop");
    let shop = Path::new(env!("CARGO_MANIFEST_DIR")).join("sql/shop.sql");
    let loaded = kept.load(&shop).fine();
    assert!(loaded.stdout.contains("Tables: customers, orders, items."), "{}", loaded.stdout);
    kept.sandbox.run_well("start");
    let mut conn = kept.connect("rcache");
    let mut count =
        |table: &str| -> u64 { conn.query_first(format!("SELECT COUNT(*) FROM {table}")).unwrap().unwrap() };
    assert_eq!((count("customers"), count("orders"), count("items")), (20_000, 60_000, 120_000));
    let wrong: Option<u64> = conn
        .query_first(
            "SELECT COUNT(*) FROM orders WHERE total <> (SELECT SUM(quantity * price) FROM items WHERE order_id = orders.id)",
        )
        .unwrap();
    assert_eq!(wrong, Some(0));
    kept.load(&shop).failed(1, &["line ", "CREATE TABLE customers", "already exists", "sandbox destroy"]);
}

fn what_cannot_be_loaded_names_its_line() {
    let kept = Kept::start();
    for (text, expected) in [
        (
            "CREATE TABLE a (id INT);\n\nINSERT INTO a VALUES (1);\nINSERT INTO a VALUES (;\n",
            &["line 4", "INSERT INTO a"][..],
        ),
        ("CREATE TABLE b (id INT);\nGRANT ALL ON *.* TO x;\n", &["line 2", "GRANT", "more than"]),
        ("CHANGE MASTER TO MASTER_HOST = 'production';\n", &["line 1", "CHANGE"]),
        ("USE one;\nUSE one;\nCREATE TABLE c (id INT);\nUSE two;\n", &["line 4", "second database"]),
        (
            "CREATE TABLE d (id INT);\nINSERT INTO d VALUES ('unfinished\n\n",
            &["string", "line 2", "cut short"],
        ),
        ("INSERT INTO nowhere VALUES (1);", &["line 1", "INSERT INTO nowhere", "CREATE TABLE"]),
        ("DROP TABLE IF EXISTS rcache_meta;", &["line 1", "rcache's own table"]),
        ("LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE d;", &["line 1", "LOAD"]),
    ] {
        kept.load_text(text).failed(1, expected);
    }
    kept.load(Path::new("/no/such/file.sql")).failed(1, &["/no/such/file.sql", "does not exist"]);
    kept.load(kept.folder.path()).failed(1, &["folder"]);
    let mut child = kept
        .command("-")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"CREATE TABLE piped (id INT);\nINSERT INTO piped VALUES (1), (2)")
        .unwrap();
    let piped = world::checked(&child.wait_with_output().unwrap()).fine();
    assert!(
        piped.stdout.contains("Loaded stdin") && piped.stdout.contains("Tables: piped."),
        "{}",
        piped.stdout
    );
}

fn an_interrupt_ends_loading() {
    let kept = Kept::start();
    let file = kept.folder.path().join("slow.sql");
    std::fs::write(
        &file,
        "CREATE TABLE before_it (id INT);\nSELECT SLEEP(600);\nCREATE TABLE behind_it (id INT);\n",
    )
    .unwrap();
    let child = world::start(&mut kept.command(file.to_str().unwrap()));
    let mut conn = kept.connect("rcache");
    world::wait_until("the slow statement runs", || {
        let running: Option<u64> = conn
            .query_first(
                "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT SLEEP%'",
            )
            .unwrap();
        running == Some(1)
    });
    world::signal(&child, "INT");
    let ended = world::checked(&child.wait_with_output().unwrap()).failed(130, &["line 2", "1 statement"]);
    assert!(!ended.stdout.contains("Loaded"));
    let tables: Vec<String> = conn.query("SHOW TABLES LIKE '%fore_it'").unwrap();
    assert_eq!(tables, ["before_it"]);
    // A pipe into which nobody writes any more is not waited for, either.
    let mut child = world::start(kept.command("-").stdin(Stdio::piped()));
    let mut pipe = child.stdin.take().unwrap();
    pipe.write_all(b"CREATE TABLE from_the_pipe (id INT);\n").unwrap();
    world::wait_until("the first statement was loaded", || {
        let tables: Vec<String> = conn.query("SHOW TABLES LIKE 'from_the_pipe'").unwrap();
        tables.len() == 1
    });
    world::signal(&child, "INT");
    world::checked(&child.wait_with_output().unwrap()).failed(130, &["interrupted"]);
}
