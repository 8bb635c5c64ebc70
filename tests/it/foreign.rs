//! Our counts and the servers': they agree while nobody else is there, and tell where somebody is.
//! On a sandbox of its own, since the tests share theirs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use mysql::prelude::Queryable;
use redis::Commands;
use serde_json::Value;

use crate::sandbox::Sandbox;
use crate::world::{self, Place, ran, rcache};

crate::tests![another_client_is_seen_and_its_absence_too, accounts_with_few_rights_are_enough];

fn another_client_is_seen_and_its_absence_too() {
    let servers = Sandbox::new();
    servers.run_well("start");
    let sandbox =
        |arguments: &[&str]| ran(rcache().args(arguments).arg("--sandbox-dir").arg(servers.dir())).fine();
    sandbox(&["seed", "--users", "300"]);
    let bench = ["bench", "--iterations", "300", "--verify-hit-ratio=50", "--format", "json"];
    let runs = [&[][..], &["--clients", "5"]].map(|clients| sandbox(&[&bench[..], clients].concat()).json());
    for run in &runs {
        assert_eq!(codes(run), [""; 0], "nobody else was there: {run}");
    }
    for workload in runs.iter().flat_map(|run| run["workloads"].as_array().unwrap()) {
        let counters = &workload["server_counters"];
        let (ours, mysql, redis) = (&counters["ours"], &counters["mysql"], &counters["redis"]);
        assert_eq!(mysql["com_select"], ours["mysql_selects"], "{counters}");
        assert_eq!(mysql["com_stmt_execute"], ours["mysql_executes"], "{counters}");
        let look_ups = ["keyspace_hits", "keyspace_misses"].map(|name| redis[name].as_u64().unwrap());
        assert_eq!(ours["redis_look_ups"].as_u64(), Some(look_ups.iter().sum()), "{counters}");
        assert!(workload["avoided"]["mysql_reads"].as_u64().unwrap() >= 300, "{workload}");
        let memory = &workload["redis_memory"];
        assert_eq!(memory["source"], "memory_usage");
        assert!(memory["entry_bytes"].as_u64() > workload["value_bytes"].as_u64(), "{memory}");
    }
    assert!(sandbox(&["bench", "--iterations", "10", "-v"]).stdout.contains("all from rcache"));
    let disturbed = while_others_read(servers.dir(), || sandbox(&bench).json());
    assert_eq!(codes(&disturbed), ["foreign_traffic"; 4], "both servers, both workloads: {disturbed}");
}

fn accounts_with_few_rights_are_enough() {
    let place = Place::seeded(50);
    let name = &place.database;
    let mut mysql = place.mysql();
    mysql.query_drop(format!("CREATE USER '{name}'@'%' IDENTIFIED BY 'hunter2'")).unwrap();
    mysql.query_drop(format!("GRANT SELECT ON {name}.* TO '{name}'@'%'")).unwrap();
    let mut account = redis::cmd("ACL");
    account.arg("SETUSER").arg(name).arg(&["on", ">hunter2", "~*", "+@all", "-memory", "-config"]);
    account.exec(&mut place.redis()).unwrap();
    let urls =
        [("mysql", world::world().mysql_port, name.as_str()), ("redis", world::world().redis_port, "0")]
            .map(|(scheme, port, path)| format!("{scheme}://{name}:hunter2@127.0.0.1:{port}/{path}"));
    let mut command = rcache();
    command.args(["bench", "--iterations", "20", "--format", "json", "--namespace", name]);
    let run = ran(command.args(["--mysql-url", &urls[0], "--redis-url", &urls[1]])).fine().json();
    for workload in run["workloads"].as_array().unwrap() {
        let counters = &workload["server_counters"];
        assert!(counters["mysql"]["com_select"].is_u64(), "SHOW GLOBAL STATUS needs no right: {counters}");
        assert!(counters["redis"]["keyspace_hits"].is_u64(), "{counters}");
        let memory = &workload["redis_memory"];
        assert_eq!(memory["source"], "value_bytes", "MEMORY is forbidden: {memory}");
        assert_eq!(memory["entry_bytes"], workload["value_bytes"]);
    }
}

fn codes(run: &Value) -> Vec<&str> {
    let warnings = run["warnings"].as_array().unwrap().iter();
    let codes = warnings.map(|warning| warning["code"].as_str().unwrap());
    codes.filter(|code| ["foreign_traffic", "uncounted_requests"].contains(code)).collect()
}

/// Does the work while another client asks both servers as fast as it can.
fn while_others_read<T>(dir: &std::path::Path, work: impl FnOnce() -> T) -> T {
    let state: Value = serde_json::from_slice(&std::fs::read(dir.join("state.json")).unwrap()).unwrap();
    let url = |scheme: &str, server: &str, user: &str| {
        let (port, password) = (&state[server]["port"], state[server]["password"].as_str().unwrap());
        format!("{scheme}://{user}:{password}@127.0.0.1:{port}")
    };
    let mut mysql = world::connect(&(url("mysql", "mysql", "rcache") + "/rcache"));
    let mut redis = redis::Client::open(url("redis", "redis", "")).unwrap().get_connection().unwrap();
    let done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(Ordering::Relaxed) {
                mysql.query_drop("SELECT 1").unwrap();
                let _: Option<String> = redis.get("somebody else's").unwrap();
            }
        });
        let _done = SetWhenDropped(&done);
        work()
    })
}

/// Also when the work panics: the other client must not go on for ever.
struct SetWhenDropped<'a>(&'a AtomicBool);

impl Drop for SetWhenDropped<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
