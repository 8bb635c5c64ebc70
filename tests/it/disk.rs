//! Reads from disk: the private database is restarted for them, and is as it was when the command
//! ends.

use std::path::{Path, PathBuf};

use redis::Commands;
use serde_json::Value;

use crate::world::{self, Ran, ran, rcache};

crate::tests![
    every_workload_is_read_from_disk_and_no_server_is_left,
    a_kept_database_is_restarted_and_stays_kept,
    a_database_that_others_use_is_not_restarted,
    an_interruption_leaves_the_kept_servers_whole,
];

/// A sandbox of the test's own, on the disk that the program lies on: the folder for temporary
/// files may be in memory.
struct Sandbox {
    _folder: tempfile::TempDir,
    dir: PathBuf,
}

impl Sandbox {
    fn new() -> Self {
        let beside = Path::new(env!("CARGO_BIN_EXE_rcache")).parent().unwrap();
        let folder = tempfile::tempdir_in(beside).unwrap();
        Self { dir: folder.path().join("sandbox"), _folder: folder }
    }

    fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = rcache();
        command.args(arguments).arg("--sandbox-dir").arg(&self.dir);
        command
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        ran(&mut self.command(arguments))
    }

    fn status(&self) -> Value {
        self.run(&["sandbox", "status", "--format", "json"]).fine().json()["sandbox"].take()
    }

    fn redis(&self) -> redis::Connection {
        let state: Value =
            serde_json::from_slice(&std::fs::read(self.dir.join("state.json")).unwrap()).unwrap();
        let (port, password) = (&state["redis"]["port"], state["redis"]["password"].as_str().unwrap());
        redis::Client::open(format!("redis://:{password}@127.0.0.1:{port}/0"))
            .unwrap()
            .get_connection()
            .unwrap()
    }

    fn mysql_pid(&self) -> u64 {
        self.status()["servers"][0]["pid"].as_u64().unwrap()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        let _ = self.command(&["sandbox", "destroy", "--quiet"]).output();
    }
}

fn disk_path(measured: &Value) -> &Value {
    measured["paths"].as_array().unwrap().iter().find(|path| path["path"] == "disk").unwrap()
}

fn every_workload_is_read_from_disk_and_no_server_is_left() {
    let sandbox = Sandbox::new();
    sandbox.run(&["seed", "--users", "20000"]).fine();
    let arguments =
        ["bench", "--iterations", "2", "--workload", "all,page,point,aggregate", "--path", "disk,mysql,warm"];
    let run =
        sandbox.run(&[&arguments[..], &["--codec", "json,arrow", "--format", "json"]].concat()).fine().json();
    for measured in run["workloads"].as_array().unwrap() {
        let disk = disk_path(measured);
        assert_eq!(
            (&disk["operations"], &disk["hits"], &disk["errors"]),
            (&2.into(), &Value::Null, &serde_json::json!({}))
        );
        assert!(disk["throughput_per_s"].is_null(), "a restart lies between any two reads");
        assert!(disk["disk"]["pages_per_read"].as_f64().unwrap() >= 1.0, "{disk}");
        assert!(["direct", "page_cache", "memory"].contains(&disk["disk"]["storage"].as_str().unwrap()));
        assert!(measured["paths"][0]["disk"].is_null());
    }
    let pages =
        |index: usize| disk_path(&run["workloads"][index])["disk"]["pages_per_read"].as_f64().unwrap();
    assert!(pages(0) > 10.0 * pages(4), "all users are on many pages, one user on few");
    let page = sandbox
        .run(&["bench", "--iterations", "1", "--workload", "point", "--path", "disk", "-v"])
        .fine()
        .stdout;
    for words in ["just restarted", "for each read from disk", "in no ratio"] {
        assert!(page.contains(words), "{words:?} is missing in:\n{page}");
    }
    assert_eq!(world::servers_of(&sandbox.dir), Vec::<String>::new());
}

fn a_kept_database_is_restarted_and_stays_kept() {
    let sandbox = Sandbox::new();
    sandbox.run(&["sandbox", "start"]).fine();
    sandbox.run(&["seed", "--users", "500"]).fine();
    let before = sandbox.mysql_pid();
    let assertion = ["--assert", "point.disk.errors == 0", "--assert", "point.disk.max < 600s"];
    let arguments = ["bench", "--iterations", "3", "--workload", "point", "--path", "disk"];
    sandbox.run(&[&arguments[..], &assertion].concat()).fine();
    let status = sandbox.status();
    assert_eq!(status["running"], true, "{status}");
    assert_ne!(status["servers"][0]["pid"], before, "another process by now");
    assert_eq!(world::servers_of(&sandbox.dir).len(), 1, "Redis' command line names no folder");
    // And the next command finds both servers where the state says that they are.
    sandbox.run(&["bench", "--iterations", "3", "--workload", "point"]).fine();
    sandbox.run(&["sandbox", "stop"]).fine();
    assert_eq!(world::servers_of(&sandbox.dir), Vec::<String>::new());
}

fn a_database_that_others_use_is_not_restarted() {
    let sandbox = Sandbox::new();
    sandbox.run(&["sandbox", "start"]).fine();
    sandbox.run(&["seed", "--users", "100"]).fine();
    let before = sandbox.mysql_pid();
    let endless = ["bench", "--iterations", "100000000", "--workload", "point"];
    let mut other = world::start(&mut sandbox.command(&endless));
    let mut redis = sandbox.redis();
    world::wait_until("the other bench reads", || !redis.keys::<_, Vec<String>>("*").unwrap().is_empty());
    let said = sandbox.run(&["bench", "--iterations", "1", "--workload", "point", "--path", "disk"]);
    said.failed(1, &["in use by other rcache commands", &other.id().to_string()]);
    assert_eq!(sandbox.mysql_pid(), before, "left alone");
    world::signal(&other, "INT");
    assert_eq!(other.wait().unwrap().code(), Some(130));
}

fn an_interruption_leaves_the_kept_servers_whole() {
    let sandbox = Sandbox::new();
    sandbox.run(&["sandbox", "start"]).fine();
    sandbox.run(&["seed", "--users", "100"]).fine();
    let before = sandbox.mysql_pid();
    let arguments = [
        "bench",
        "--iterations",
        "20",
        "--workload",
        "all,page,point,aggregate",
        "--path",
        "disk",
        "--format",
        "json",
    ];
    let bench = world::start(&mut sandbox.command(&arguments));
    // The state names the server that runs, so a new number there means that restarts have begun.
    let state = sandbox.dir.join("state.json");
    world::wait_until("the database is restarted", || {
        let state: Value = serde_json::from_slice(&std::fs::read(&state).unwrap()).unwrap();
        state["mysql"]["identity"]["pid"] != before
    });
    world::signal(&bench, "INT");
    let run = world::checked(&bench.wait_with_output().unwrap()).failed(130, &["interrupted"]).json();
    assert_eq!(run["interrupted"], true);
    let status = sandbox.status();
    assert_eq!(status["running"], true, "{status}");
    sandbox.run(&["bench", "--iterations", "2", "--workload", "point"]).fine();
}
