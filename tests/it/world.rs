//! The needs of every test: the shared servers, a place of its own on them, and the program to run
//! against it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use mysql::prelude::Queryable;

/// Longer than anything takes on a slow machine; a test that waits this long is stuck.
const PATIENCE: Duration = Duration::from_secs(120);

/// The servers that all tests share.
pub(crate) struct World {
    dir: PathBuf,
    pub(crate) mysql_port: u16,
    pub(crate) redis_port: u16,
    pub(crate) mysql_password: String,
    pub(crate) redis_password: String,
    /// Destroys the sandbox when this process ends, however it ends: its stdin closes then.
    watchdog: Mutex<Child>,
}

static WORLD: OnceLock<World> = OnceLock::new();

pub(crate) fn world() -> &'static World {
    WORLD.get_or_init(World::open)
}

/// Stops the shared servers, if any test asked for them.
pub(crate) fn close() {
    if let Some(world) = WORLD.get() {
        let mut watchdog = world.watchdog.lock().unwrap();
        drop(watchdog.stdin.take());
        watchdog.wait().unwrap();
        assert!(!world.dir.exists(), "the sandbox of the tests is still there");
    }
}

/// The program, with an environment that says nothing about servers.
pub(crate) fn rcache() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rcache"));
    for variable in
        ["RCACHE_MYSQL_URL", "RCACHE_REDIS_URL", "RCACHE_SANDBOX_DIR", "RCACHE_NAMESPACE", "NO_COLOR"]
    {
        command.env_remove(variable);
    }
    // Messages in one line, whatever their length.
    command.env("COLUMNS", "10000");
    command.stdin(Stdio::null());
    command
}

impl World {
    fn open() -> Self {
        let dir = std::env::temp_dir().join(format!("rcache-it-{}", std::process::id()));
        let watchdog = Command::new("sh")
            .args(["-c", "read -r _; for _ in 1 2 3 4 5 6 7 8 9 10; do \"$0\" sandbox destroy --quiet --sandbox-dir \"$1\" && break; sleep 1; done"])
            .arg(env!("CARGO_BIN_EXE_rcache"))
            .arg(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let started = rcache().args(["sandbox", "start", "--sandbox-dir"]).arg(&dir).output().unwrap();
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        let state: serde_json::Value =
            serde_json::from_slice(&std::fs::read(dir.join("state.json")).unwrap()).unwrap();
        let port = |server: &str| u16::try_from(state[server]["port"].as_u64().unwrap()).unwrap();
        let password = |server: &str| state[server]["password"].as_str().unwrap().to_owned();
        Self {
            mysql_port: port("mysql"),
            redis_port: port("redis"),
            mysql_password: password("mysql"),
            redis_password: password("redis"),
            dir,
            watchdog: Mutex::new(watchdog),
        }
    }

    /// The account of the sandbox, with all rights, on this database.
    fn mysql_url(&self, database: &str) -> String {
        format!("mysql://rcache:{}@127.0.0.1:{}/{database}", self.mysql_password, self.mysql_port)
    }

    /// The folder of the kept sandbox.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn redis_url(&self) -> String {
        format!("redis://:{}@127.0.0.1:{}/0", self.redis_password, self.redis_port)
    }
}

/// A database and a namespace that no other test uses.
pub(crate) struct Place {
    pub(crate) database: String,
    pub(crate) namespace: String,
}

impl Place {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let place = Self { database: format!("it{number}"), namespace: format!("it{number}") };
        let mut conn = connect(&world().mysql_url("rcache"));
        conn.query_drop(format!("CREATE DATABASE {} CHARACTER SET utf8mb4", place.database)).unwrap();
        place
    }

    /// A place whose table holds that many users.
    pub(crate) fn seeded(users: u32) -> Self {
        let place = Self::new();
        place.run(&["seed", "--users", &users.to_string()]).fine();
        place
    }

    pub(crate) fn mysql(&self) -> mysql::Conn {
        connect(&self.mysql_url())
    }

    pub(crate) fn mysql_url(&self) -> String {
        world().mysql_url(&self.database)
    }

    pub(crate) fn redis(&self) -> redis::Connection {
        redis::Client::open(world().redis_url()).unwrap().get_connection().unwrap()
    }

    /// The program with this place's servers, database and namespace.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = rcache();
        command.args(arguments).args(["--mysql-url", &self.mysql_url(), "--redis-url", &world().redis_url()]);
        command.args(["--namespace", &self.namespace]);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.command(arguments))
    }

    /// Whether this place's database has the table.
    pub(crate) fn mysql_has(&self, table: &str) -> bool {
        let found = format!(
            "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = '{table}'"
        );
        self.ask::<u64>(&found) > 0
    }

    /// One value from this place's database.
    pub(crate) fn ask<T: mysql::prelude::FromValue>(&self, query: &str) -> T {
        self.mysql().query_first(query).unwrap().unwrap()
    }
}

pub(crate) fn connect(url: &str) -> mysql::Conn {
    mysql::Conn::new(mysql::OptsBuilder::from_opts(mysql::Opts::from_url(url).unwrap()).prefer_socket(false))
        .unwrap()
}

/// A finished program.
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn fine(self) -> Self {
        self.ended(0)
    }

    #[track_caller]
    pub(crate) fn ended(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// It failed with this status, and said all of this on stderr.
    #[track_caller]
    pub(crate) fn failed(self, code: i32, words: &[&str]) -> Self {
        let ran = self.ended(code);
        for word in words {
            assert!(ran.stderr.contains(word), "{word:?} is missing in:\n{}", ran.stderr);
        }
        assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
        ran
    }

    /// It said this on stderr.
    #[track_caller]
    pub(crate) fn says(&self, words: &str) {
        assert!(self.stderr.contains(words), "{words:?} is missing in:\n{}", self.stderr);
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error} in:\n{}", self.stdout))
    }
}

/// Runs the program. No password may stand in anything that it prints, whatever the test is about.
#[track_caller]
pub(crate) fn ran(command: &mut Command) -> Ran {
    checked(&command.output().unwrap())
}

#[track_caller]
pub(crate) fn checked(output: &Output) -> Ran {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let ran = Ran { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) };
    if let Some(world) = WORLD.get() {
        for secret in [world.mysql_password.as_str(), world.redis_password.as_str(), "hunter2"] {
            assert!(!ran.stdout.contains(secret) && !ran.stderr.contains(secret), "a password was printed");
        }
    }
    ran
}

/// Starts the program with its output kept.
pub(crate) fn start(command: &mut Command) -> Child {
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Says that a test could not be made on this machine.
#[expect(clippy::print_stderr, reason = "a test that says nothing would seem to have passed")]
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

/// Sends a signal by name to a process that the test started.
pub(crate) fn signal(child: &Child, name: &str) {
    // The shell's own kill: a small system has no program of that name.
    let sent =
        Command::new("sh").args(["-c", "kill -s \"$0\" \"$1\"", name, &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
}

/// Waits until something is so.
#[track_caller]
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < PATIENCE, "waited in vain until {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Processes whose command line names this folder: servers of a sandbox there.
pub(crate) fn servers_of(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(line) = std::fs::read(entry.path().join("cmdline")) else { continue };
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        let is_server =
            ["mariadbd", "mysqld", "redis-server", "valkey-server"].iter().any(|name| line.contains(name));
        if is_server && line.contains(&*dir.to_string_lossy()) {
            found.push(line);
        }
    }
    found
}
