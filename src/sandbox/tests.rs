//! The room as a whole, with the real servers of this machine. A holder in another process is this
//! very test program, run with one ignored test that holds a sandbox until it is ended.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use ::mysql::prelude::Queryable;

use super::process::Identity;
use super::*;
use crate::endpoint::Address;

const BOTH: Wanted = Wanted { mysql: true, redis: true };
const HOLD: &str = "RCACHE_TEST_HOLD";

fn open(dir: &Path) -> anyhow::Result<Sandbox> {
    Sandbox::open(dir, BOTH, "test", &mut |_| {})
}

fn mysql_port(sandbox: &Sandbox) -> u16 {
    match &sandbox.mysql().unwrap().address {
        Address::Tcp { port, .. } => *port,
        Address::Socket(path) => panic!("{path:?}"),
    }
}

fn servers(dir: &Path) -> Vec<Identity> {
    let records = ["mysql", "redis"].map(|role| dir.join("run").join(format!("{role}.birth")));
    records
        .iter()
        .map(|path| Identity::from_record(&std::fs::read_to_string(path).unwrap()).unwrap())
        .collect()
}

fn assert_gone(servers: &[Identity]) {
    let deadline = Instant::now() + Duration::from_secs(15);
    while servers.iter().any(Identity::is_alive) {
        assert!(Instant::now() < deadline, "a server is left: {servers:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
#[ignore = "run by the other tests in a process of its own"]
fn hold() {
    let Some(dir) = std::env::var_os(HOLD) else { return };
    crate::interrupt::install(crate::interrupt::Ending::Finishes, |_| ()).unwrap();
    let sandbox = open(Path::new(&dir)).unwrap();
    writeln!(std::io::stdout(), "holding").unwrap();
    while !crate::interrupt::requested() {
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(sandbox);
}

fn spawn_holder(dir: &Path) -> Child {
    let mut holder = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "sandbox::tests::hold", "--ignored", "--nocapture"])
        .env(HOLD, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(holder.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().ends_with("holding")), "the holder holds nothing");
    // Its pipe must stay open until it ends.
    std::thread::spawn(move || lines.count());
    holder
}

fn signal(process: &Child, signal: rustix::process::Signal) {
    rustix::process::kill_process(rustix::process::Pid::from_child(process), signal).unwrap();
}

#[test]
fn opens_serves_and_leaves_nothing_running() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let sandbox = open(dir.path()).unwrap();
        let servers = servers(dir.path());
        let password = sandbox.mysql().unwrap().password.clone().unwrap();
        let mut connection = ::mysql::Conn::new(mysql::tcp_login(mysql_port(&sandbox), &password)).unwrap();
        let settings: (String, u32, u32) = connection
            .query_first(
                "SELECT @@character_set_database, @@max_connections, @@innodb_buffer_pool_size DIV 1048576",
            )
            .unwrap()
            .unwrap();
        assert_eq!(settings, ("utf8mb4".to_owned(), 1200, 512));
        assert!(!sandbox.is_kept());
        sandbox.stop().unwrap();
        assert!(!servers.iter().any(Identity::is_alive));
    }
}

#[test]
fn only_what_is_wanted_runs() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox =
        Sandbox::open(dir.path(), Wanted { mysql: false, redis: true }, "test", &mut |_| {}).unwrap();
    assert!(sandbox.mysql().is_none() && sandbox.redis().is_some());
    assert!(!dir.path().join("run/mysql.birth").exists());
}

#[test]
fn a_panic_stops_the_servers() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().to_owned();
    let seen = std::panic::catch_unwind(move || {
        let _sandbox = open(&path).unwrap();
        std::panic::panic_any(servers(&path));
    })
    .unwrap_err();
    let servers = seen.downcast_ref::<Vec<Identity>>().unwrap();
    assert!(servers.len() == 2 && !servers.iter().any(Identity::is_alive));
}

#[test]
fn signals_stop_the_servers() {
    let dir = tempfile::tempdir().unwrap();
    for name in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let mut holder = spawn_holder(dir.path());
        let servers = servers(dir.path());
        signal(&holder, name);
        assert!(holder.wait().unwrap().success());
        assert!(!servers.iter().any(Identity::is_alive), "{name:?}");
    }
}

#[test]
fn a_killed_holder_leaves_no_server_and_good_data() {
    let dir = tempfile::tempdir().unwrap();
    let mut holder = spawn_holder(dir.path());
    let left = servers(dir.path());
    holder.kill().unwrap();
    if cfg!(target_os = "linux") {
        // The kernel does it, without anybody's help.
        assert_gone(&left);
    }
    let sandbox = open(dir.path()).unwrap();
    assert!(!left.iter().any(Identity::is_alive));
    drop(sandbox);
    holder.wait().unwrap();
}

#[test]
fn a_server_that_outlived_its_owner_is_ended_by_the_next() {
    let dir = tempfile::tempdir().unwrap();
    let sandbox = open(dir.path()).unwrap();
    let left = servers(dir.path());
    // Stands for an owner that was killed: nobody stops the servers, and the lock is free.
    let mut sandbox = std::mem::ManuallyDrop::new(sandbox);
    [sandbox.own_mysql.take(), sandbox.own_redis.take()].into_iter().flatten().for_each(Server::release);
    sandbox._lock.free();
    let next = open(dir.path()).unwrap();
    assert!(!left.iter().any(Identity::is_alive));
    next.stop().unwrap();
}

#[test]
fn a_second_process_is_told_who_holds_the_sandbox() {
    let dir = tempfile::tempdir().unwrap();
    let mut holder = spawn_holder(dir.path());
    let refused = open(dir.path()).unwrap_err().to_string();
    assert!(refused.contains(&format!("process {} (rcache test, since 20", holder.id())), "{refused}");
    assert!(refused.contains("rcache sandbox start") && refused.contains("--sandbox-dir"), "{refused}");
    assert!(stop(dir.path(), &mut |_| {}).unwrap_err().to_string().contains("is in use by process"));
    let report = status(dir.path()).unwrap().unwrap();
    assert_eq!(report.in_use_by.map(|user| user.pid), Some(holder.id()));
    assert!(servers(dir.path()).iter().all(Identity::is_alive));
    signal(&holder, rustix::process::Signal::TERM);
    holder.wait().unwrap();
}

#[test]
fn commands_attach_to_kept_servers_and_nobody_stops_them_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    start(dir.path(), None, &mut |_| {}).unwrap();
    let kept = servers(dir.path());
    let one = open(dir.path()).unwrap();
    let mut other = spawn_holder(dir.path());
    assert!(one.is_kept());
    drop(one);
    let refused = stop(dir.path(), &mut |_| {}).unwrap_err().to_string();
    assert!(refused.contains("in use by other rcache commands"), "{refused}");
    if cfg!(target_os = "linux") {
        assert!(refused.contains(&other.id().to_string()), "{refused}");
    }
    assert!(destroy(dir.path(), &mut |_| {}).is_err());
    other.kill().unwrap();
    other.wait().unwrap();
    assert!(kept.iter().all(Identity::is_alive), "an attached command took the servers with it");
    assert_eq!(stop(dir.path(), &mut |_| {}).unwrap(), 2);
    assert!(!kept.iter().any(Identity::is_alive));
}

#[test]
fn somebody_elses_folder_is_refused() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    std::os::unix::fs::chown(dir.path(), Some(12_345), None).unwrap();
    let refused = open(dir.path()).unwrap_err().to_string();
    assert!(refused.contains("belongs to another user (number 12345"), "{refused}");
}
