//! The life of the private servers: started once, shared, stopped, and never left behind, whatever
//! happens to rcache.
//!
//! What concerns servers that live for one command only is tested beside the code
//! (`src/sandbox/tests.rs`), where a holder needs no command of its own.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

pub(crate) const TESTS: &[(&str, fn())] = &[
    ("start_status_stop_and_start_again", start_status_stop_and_start_again),
    ("a_cluster_is_started_used_and_stopped_as_a_whole", a_cluster_is_started_used_and_stopped_as_a_whole),
    ("each_primary_of_a_cluster_can_have_a_replica", each_primary_of_a_cluster_can_have_a_replica),
    ("nothing_is_open_to_others_and_no_password_shows", nothing_is_open_to_others_and_no_password_shows),
    ("where_nothing_is_there_is_nothing_to_do", where_nothing_is_there_is_nothing_to_do),
    ("simultaneous_starts_make_one_pair", simultaneous_starts_make_one_pair),
    ("killed_while_initialising_is_repaired", killed_while_initialising_is_repaired),
    ("interrupted_while_initialising_leaves_nothing", interrupted_while_initialising_leaves_nothing),
    ("a_killed_server_is_noticed_and_replaced", a_killed_server_is_noticed_and_replaced),
    ("a_stranger_with_a_recorded_number_lives", a_stranger_with_a_recorded_number_lives),
    ("kept_servers_are_in_a_session_of_their_own", kept_servers_are_in_a_session_of_their_own),
    ("folders_that_rcache_did_not_make_are_left_alone", folders_that_rcache_did_not_make_are_left_alone),
    ("a_folder_that_cannot_be_made_is_explained", a_folder_that_cannot_be_made_is_explained),
    ("a_refused_folder_leaves_nothing_behind", a_refused_folder_leaves_nothing_behind),
    ("a_suspended_server_is_named_and_not_waited_for", a_suspended_server_is_named_and_not_waited_for),
    ("a_server_that_dies_while_starting_is_quoted", a_server_that_dies_while_starting_is_quoted),
    ("a_long_path_and_one_with_blanks_work", a_long_path_and_one_with_blanks_work),
    ("a_command_that_ends_early_takes_its_servers_along", a_command_that_ends_early_takes_its_servers_along),
];

/// A sandbox folder of a test; destroyed at the end, even of a failed test.
pub(crate) struct Sandbox {
    root: tempfile::TempDir,
    dir: PathBuf,
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        Self::named("box")
    }

    fn named(name: &str) -> Self {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().canonicalize().unwrap().join(name);
        Self { root, dir }
    }

    fn command(&self, action: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rcache"));
        command.args(["sandbox", action, "--sandbox-dir"]).arg(&self.dir).stdin(Stdio::null());
        command
    }

    fn run(&self, action: &str) -> Output {
        self.command(action).output().unwrap()
    }

    pub(crate) fn run_well(&self, action: &str) -> String {
        let output = self.run(action);
        assert!(output.status.success(), "{action}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn run_badly(&self, action: &str) -> String {
        self.ended(action, 1)
    }

    fn ended(&self, action: &str, code: i32) -> String {
        let output = self.run(action);
        assert_eq!(output.status.code(), Some(code), "{action}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    fn spawn(&self, action: &str) -> Child {
        self.command(action).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    fn status(&self) -> Value {
        let output = self.command("status").args(["--format", "json"]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The account of the database, made anew at each start.
    pub(crate) fn mysql_url(&self) -> String {
        let state: Value =
            serde_json::from_slice(&std::fs::read(self.dir.join("state.json")).unwrap()).unwrap();
        let (port, password) = (&state["mysql"]["port"], state["mysql"]["password"].as_str().unwrap());
        format!("mysql://rcache:{password}@127.0.0.1:{port}/rcache")
    }

    pub(crate) fn redis_url(&self) -> String {
        let state = self.state();
        let (port, password) = (&state["redis"]["port"], state["redis"]["password"].as_str().unwrap());
        format!("redis://:{password}@127.0.0.1:{port}/0")
    }

    pub(crate) fn dir(&self) -> &std::path::Path {
        &self.dir
    }

    pub(crate) fn pids(&self) -> Vec<u64> {
        let status = self.status();
        status["sandbox"]["servers"]
            .as_array()
            .unwrap()
            .iter()
            .map(|server| server["pid"].as_u64().unwrap())
            .collect()
    }

    pub(crate) fn state(&self) -> Value {
        serde_json::from_slice(&std::fs::read(self.dir.join("state.json")).unwrap()).unwrap()
    }

    fn passwords(&self) -> Vec<String> {
        ["mysql", "redis"]
            .map(|server| self.state()[server]["password"].as_str().unwrap().to_owned())
            .to_vec()
    }

    fn mysql(&self, user: &str, password: &str) -> Result<mysql::Conn, mysql::Error> {
        let port = self.state()["mysql"]["port"].as_u64().unwrap().try_into().unwrap();
        let login =
            mysql::OptsBuilder::new().ip_or_hostname(Some("127.0.0.1")).tcp_port(port).prefer_socket(false);
        mysql::Conn::new(login.user(Some(user)).pass(Some(password)))
    }

    /// Processes that work in this folder; none where the system has no /proc.
    fn processes(&self) -> Vec<u32> {
        let Ok(entries) = std::fs::read_dir("/proc") else { return Vec::new() };
        let dir = self.dir.to_str().unwrap();
        let works_here = |pid: &u32| {
            let read = |name: &str| std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default();
            let arguments = String::from_utf8_lossy(&read("cmdline")).into_owned();
            let folder = std::fs::read_link(format!("/proc/{pid}/cwd")).unwrap_or_default();
            (arguments.contains(dir) && !arguments.contains("rcache\0sandbox")) || folder.starts_with(dir)
        };
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter(works_here)
            .collect()
    }

    fn assert_nothing_runs(&self) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while !self.processes().is_empty() {
            assert!(Instant::now() < deadline, "still running: {:?}", self.processes());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        if self.root.path().exists() {
            let _ = self.run("destroy");
        }
    }
}

pub(crate) fn signal(pid: u32, signal: &str) {
    // The shell's own kill: a small system has no program of that name.
    let sent = Command::new("sh").args(["-c", "kill \"$0\" \"$1\"", signal, &pid.to_string()]).status();
    assert!(sent.unwrap().success());
}

fn start_status_stop_and_start_again() {
    let sandbox = Sandbox::new();
    assert!(sandbox.run_well("start").contains("The sandbox is running."));
    let first = sandbox.pids();
    assert!(sandbox.run_well("start").contains("was already running"));
    assert_eq!(sandbox.pids(), first);
    let status = sandbox.run_well("status");
    assert!(status.contains("running since") && status.contains("client.cnf"), "{status}");
    assert_eq!(sandbox.status()["sandbox"]["running"], true);
    assert!(sandbox.run_well("stop").contains("stopped"));
    sandbox.assert_nothing_runs();
    assert!(sandbox.run_well("status").contains("not running"));
    assert!(!sandbox.dir.join("state.json").exists());
    assert!(!sandbox.dir.join("client.cnf").exists());
    sandbox.run_well("start");
    assert_ne!(sandbox.pids(), first);
    assert!(sandbox.run_well("destroy").contains("deleted"));
    sandbox.assert_nothing_runs();
    assert!(!sandbox.dir.exists());
}

fn a_cluster_is_started_used_and_stopped_as_a_whole() {
    let sandbox = Sandbox::new();
    let start = || sandbox.command("start").args(["--redis", "cluster"]).output().unwrap();
    let started = start();
    assert!(started.status.success(), "{started:?}");
    let pids = sandbox.pids();
    assert_eq!(pids.len(), 4, "MySQL and three nodes");
    assert!(start().status.success());
    assert_eq!(sandbox.pids(), pids);
    let output = sandbox.root.path().join("run.json");
    let mut bench = Command::new(env!("CARGO_BIN_EXE_rcache"));
    bench.args(["bench", "-w", "point", "-n", "60", "--users", "500", "--sandbox-dir"]).arg(&sandbox.dir);
    let bench = bench.arg("--output").arg(&output).stdin(Stdio::null()).output().unwrap();
    assert!(bench.status.success(), "{bench:?}");
    let run: Value = serde_json::from_slice(&std::fs::read(output).unwrap()).unwrap();
    assert_eq!(run["environment"]["redis"]["cluster_primaries"], 3);
    assert!(sandbox.run_well("status").contains("60 keys"), "the keys of all nodes");
    assert!(sandbox.run_well("stop").contains("stopped"));
    sandbox.assert_nothing_runs();
    // What runs already is not made into a cluster.
    sandbox.run_well("start");
    let refused = start();
    assert!(!refused.status.success() && String::from_utf8_lossy(&refused.stderr).contains("single Redis"));
}

fn each_primary_of_a_cluster_can_have_a_replica() {
    let sandbox = Sandbox::new();
    let start = |arguments: &[&str]| {
        let output = sandbox.command("start").args(arguments).output().unwrap();
        (output.status.code(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    };
    let (code, said) = start(&["--replicas", "1"]);
    assert!(code == Some(2) && said.contains("--redis cluster"), "{said}");
    assert_eq!(start(&["--redis", "cluster", "--replicas", "7"]).0, Some(2));
    let (code, said) = start(&["--redis", "cluster", "--replicas", "1"]);
    assert!(code == Some(0) && said.contains("3 primaries with 1 replica each"), "{said}");
    let pids = sandbox.pids();
    assert_eq!(pids.len(), 7, "MySQL and six nodes");
    assert_eq!(sandbox.status()["sandbox"]["cluster"], serde_json::json!({"primaries": 3, "replicas": 1}));
    // A smaller wish is met, a larger one is not.
    assert_eq!(start(&["--redis", "cluster"]).0, Some(0));
    let (code, said) = start(&["--redis", "cluster", "--replicas", "2"]);
    assert!(code == Some(1) && said.contains("with 1 replica each") && said.contains("2 replicas"), "{said}");
    assert_eq!(sandbox.pids(), pids);
    // Each replica has what its primary has.
    let state = sandbox.state();
    let password = state["redis"]["password"].as_str().unwrap();
    let ports = [&state["redis"]].into_iter().chain(state["more_redis"].as_array().unwrap());
    let roles: Vec<String> = ports
        .map(|node| {
            let url = format!("redis://:{password}@127.0.0.1:{}", node["port"]);
            let mut connection = redis::Client::open(url).unwrap().get_connection().unwrap();
            let info: String = redis::cmd("INFO").arg("replication").query(&mut connection).unwrap();
            assert!(!info.contains("master_link_status:down"), "{info}");
            info.lines().find_map(|line| line.strip_prefix("role:")).unwrap().trim().to_owned()
        })
        .collect();
    assert_eq!(roles, ["master", "master", "master", "slave", "slave", "slave"]);
    sandbox.run_well("stop");
    sandbox.assert_nothing_runs();
}

fn nothing_is_open_to_others_and_no_password_shows() {
    let sandbox = Sandbox::new();
    let mut said = sandbox.run_well("start");
    let passwords = sandbox.passwords();
    said += &sandbox.run_well("start");
    said += &sandbox.run_well("status");
    said += &sandbox.status().to_string();
    for pid in sandbox.pids() {
        for name in ["cmdline", "environ"] {
            said +=
                &String::from_utf8_lossy(&std::fs::read(format!("/proc/{pid}/{name}")).unwrap_or_default());
        }
    }
    for log in std::fs::read_dir(sandbox.dir.join("log")).unwrap() {
        said += &std::fs::read_to_string(log.unwrap().path()).unwrap();
    }
    assert!(passwords.iter().all(|password| password.len() >= 32 && !said.contains(password)));
    for entry in std::fs::read_dir(&sandbox.dir).unwrap().flatten() {
        let file = entry.metadata().unwrap();
        let wanted = if file.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(file.permissions().mode() & 0o777, wanted, "{:?}", entry.path());
    }
    assert_eq!(std::fs::metadata(sandbox.dir.join("run")).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(!sandbox.dir.join("run/accounts.sql").exists());
    assert!(sandbox.mysql("rcache", &passwords[0]).is_ok());
    for (user, password) in [("rcache", ""), ("root", ""), ("", ""), ("rcache", "wrong")] {
        assert!(sandbox.mysql(user, password).is_err(), "{user} {password}");
    }
    let port = sandbox.state()["redis"]["port"].as_u64().unwrap();
    let client = redis::Client::open(format!("redis://127.0.0.1:{port}")).unwrap();
    let answer = client
        .get_connection()
        .and_then(|mut connection| redis::cmd("PING").query::<String>(&mut connection));
    assert!(answer.unwrap_err().to_string().contains("NOAUTH"));
}

fn where_nothing_is_there_is_nothing_to_do() {
    let sandbox = Sandbox::new();
    assert!(sandbox.run_well("status").contains("There is no sandbox"));
    assert!(sandbox.run_well("stop").contains("No sandbox was running"));
    assert!(sandbox.run_well("destroy").contains("There is no sandbox"));
    assert_eq!(sandbox.status()["sandbox"], Value::Null);
    assert!(!sandbox.dir.exists());
}

fn simultaneous_starts_make_one_pair() {
    let sandbox = Sandbox::new();
    let mut starts: Vec<Child> = (0..4).map(|_| sandbox.spawn("start")).collect();
    for start in &mut starts {
        assert!(start.wait().unwrap().success());
    }
    assert_eq!(sandbox.status()["sandbox"]["running"], true);
    if cfg!(target_os = "linux") {
        assert_eq!(sandbox.processes().len(), 2, "{:?}", sandbox.processes());
    }
}

fn killed_while_initialising_is_repaired() {
    let sandbox = Sandbox::new();
    for delay_ms in [3, 30, 60, 120, 240, 480, 960] {
        let mut start = sandbox.spawn("start");
        std::thread::sleep(Duration::from_millis(delay_ms));
        start.kill().unwrap();
        start.wait().unwrap();
    }
    sandbox.run_well("start");
    let password = &sandbox.passwords()[0];
    assert!(sandbox.mysql("rcache", password).is_ok());
    assert_eq!(std::fs::read_dir(sandbox.dir.join("data")).unwrap().count(), 1);
    if cfg!(target_os = "linux") {
        assert_eq!(sandbox.processes().len(), 2, "{:?}", sandbox.processes());
    }
}

fn interrupted_while_initialising_leaves_nothing() {
    for name in ["-INT", "-TERM", "-HUP"] {
        let sandbox = Sandbox::new();
        let mut start = sandbox.spawn("start");
        let deadline = Instant::now() + Duration::from_secs(20);
        while !sandbox.dir.join("data").exists() {
            assert!(Instant::now() < deadline, "it does not begin");
            std::thread::sleep(Duration::from_millis(1));
        }
        signal(start.id(), name);
        assert_eq!(start.wait().unwrap().code(), Some(130), "{name}");
        assert!(sandbox.processes().is_empty(), "{name}: {:?}", sandbox.processes());
        assert_eq!(std::fs::read_dir(sandbox.dir.join("data")).unwrap().count(), 0);
    }
}

fn a_killed_server_is_noticed_and_replaced() {
    let sandbox = Sandbox::new();
    sandbox.run_well("start");
    let before = sandbox.pids();
    signal(before[0].try_into().unwrap(), "-KILL");
    while sandbox.status()["sandbox"]["servers"][0]["running"] == true {
        std::thread::sleep(Duration::from_millis(10));
    }
    assert!(sandbox.run_well("status").contains("has ended"));
    assert!(sandbox.run_well("start").contains("The sandbox is running."));
    assert!(sandbox.pids().iter().all(|pid| !before.contains(pid)));
    if cfg!(target_os = "linux") {
        assert_eq!(sandbox.processes().len(), 2, "{:?}", sandbox.processes());
    }
}

fn a_stranger_with_a_recorded_number_lives() {
    let sandbox = Sandbox::new();
    sandbox.run_well("start");
    let state = std::fs::read_to_string(sandbox.dir.join("state.json")).unwrap();
    let pids = sandbox.pids();
    let records: Vec<(PathBuf, String)> = ["mysql", "redis"]
        .iter()
        .map(|server| sandbox.dir.join(format!("run/{server}.birth")))
        .map(|path| (path.clone(), std::fs::read_to_string(path).unwrap()))
        .collect();
    sandbox.run_well("stop");
    let mut sleepers: Vec<Child> =
        pids.iter().map(|_| Command::new("sleep").arg("300").spawn().unwrap()).collect();
    // The numbers of our servers, which ended, now belong to others.
    let reuse = |text: &str| {
        let swap =
            |text: String, (old, new): (&u64, &Child)| text.replace(&old.to_string(), &new.id().to_string());
        pids.iter().zip(&sleepers).fold(text.to_owned(), swap)
    };
    let plant = || {
        std::fs::create_dir_all(sandbox.dir.join("run")).unwrap();
        std::fs::write(sandbox.dir.join("state.json"), reuse(&state)).unwrap();
        records.iter().for_each(|(path, text)| std::fs::write(path, reuse(text)).unwrap());
    };
    for action in ["stop", "start"] {
        plant();
        assert_eq!(sandbox.status()["sandbox"]["running"], false);
        sandbox.run_well(action);
    }
    sandbox.run_well("destroy");
    for sleeper in &mut sleepers {
        assert!(sleeper.try_wait().unwrap().is_none(), "an innocent process was ended");
        sleeper.kill().unwrap();
        sleeper.wait().unwrap();
    }
}

fn kept_servers_are_in_a_session_of_their_own() {
    if !cfg!(target_os = "linux") {
        return;
    }
    let sandbox = Sandbox::new();
    sandbox.run_well("start");
    for pid in sandbox.pids() {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        let session = stat.rsplit_once(") ").unwrap().1.split(' ').nth(3).unwrap();
        assert_eq!(session, pid.to_string());
        let input = std::fs::read_link(format!("/proc/{pid}/fd/0")).unwrap();
        assert!(!input.to_string_lossy().contains("/dev/pts"), "{input:?}");
    }
}

fn folders_that_rcache_did_not_make_are_left_alone() {
    let sandbox = Sandbox::new();
    std::fs::create_dir(&sandbox.dir).unwrap();
    std::fs::write(sandbox.dir.join("thesis.txt"), "years of work").unwrap();
    for (action, reason) in
        [("destroy", "left alone"), ("start", "not made by rcache"), ("stop", "left alone")]
    {
        let said = sandbox.ended(action, 2);
        assert!(said.contains(reason) && said.contains("--sandbox-dir"), "{said}");
    }
    assert_eq!(std::fs::read_dir(&sandbox.dir).unwrap().count(), 1);
}

fn a_folder_that_cannot_be_made_is_explained() {
    let mut sandbox = Sandbox::new();
    std::fs::write(&sandbox.dir, "a file").unwrap();
    let below_a_file = sandbox.dir.join("box");
    sandbox.dir = below_a_file;
    let said = sandbox.run_badly("start");
    assert!(said.contains("cannot create the sandbox folder") && said.contains("--sandbox-dir"), "{said}");
    if cfg!(target_os = "linux") {
        sandbox.dir = PathBuf::from("/proc/rcache/box");
        assert!(sandbox.run_badly("start").contains("--sandbox-dir"));
    }
}

fn a_refused_folder_leaves_nothing_behind() {
    let mut sandbox = Sandbox::new();
    let root = sandbox.root.path().to_owned();
    for name in ["a\nb", "a\nb/c/d", "e/f\u{7f}/g"] {
        sandbox.dir = root.join(name);
        let said = sandbox.ended("start", 2);
        assert!(said.contains("characters") && said.contains("--sandbox-dir"), "{said}");
        assert_eq!(std::fs::read_dir(&root).unwrap().count(), 0, "{name:?} was made and left");
    }
    sandbox.dir = root.join("x".repeat(300));
    let said = sandbox.run_badly("start");
    assert!(said.contains("too long") && !said.contains("damaged"), "{said}");
    sandbox.dir = root.join("box");
}

fn a_suspended_server_is_named_and_not_waited_for() {
    let sandbox = Sandbox::new();
    sandbox.run_well("start");
    let servers: Vec<u32> = sandbox.pids().into_iter().map(|pid| u32::try_from(pid).unwrap()).collect();
    for (pid, silent) in servers.iter().zip(["MySQL does not answer", "Redis does not answer"]) {
        signal(*pid, "-STOP");
        let status = sandbox.run("status");
        let said = sandbox.run("start");
        signal(*pid, "-CONT");
        let status = String::from_utf8(status.stdout).unwrap();
        let said = String::from_utf8(said.stderr).unwrap();
        assert!(status.contains(silent), "{status}");
        assert!(said.contains(&format!("kill -CONT {pid}")), "{said}");
    }
    sandbox.run_well("destroy");
}

fn a_server_that_dies_while_starting_is_quoted() {
    let sandbox = Sandbox::new();
    sandbox.run_well("start");
    sandbox.run_well("stop");
    let data = std::fs::read_dir(sandbox.dir.join("data")).unwrap().next().unwrap().unwrap().path();
    std::fs::write(data.join("ibdata1"), "not a tablespace").unwrap();
    let said = sandbox.run_badly("start");
    assert!(said.contains("ended while starting") && said.contains("sandbox destroy"), "{said}");
    assert!(said.contains(sandbox.dir.join("log/mysql.log").to_str().unwrap()), "{said}");
    sandbox.assert_nothing_runs();
    sandbox.run_well("destroy");
    sandbox.run_well("start");
}

fn a_long_path_and_one_with_blanks_work() {
    for name in ["a b \"c\" 'd' #é".to_owned(), format!("{}/{}", "long".repeat(30), "longer".repeat(20))] {
        let sandbox = Sandbox::named(&name);
        sandbox.run_well("start");
        let status = sandbox.status();
        for server in status["sandbox"]["servers"].as_array().unwrap() {
            let socket = PathBuf::from(server["socket"].as_str().unwrap());
            assert!(socket.exists() && socket.as_os_str().len() < 104, "{socket:?}");
            let folder = std::fs::metadata(socket.parent().unwrap()).unwrap();
            assert_eq!(folder.permissions().mode() & 0o777, 0o700);
        }
        let socket = PathBuf::from(status["sandbox"]["servers"][0]["socket"].as_str().unwrap());
        sandbox.run_well("destroy");
        assert!(!socket.parent().unwrap().exists());
    }
}

fn a_command_that_ends_early_takes_its_servers_along() {
    for name in ["-KILL", "-TERM", "-INT"] {
        let sandbox = Sandbox::new();
        let mut seed = Command::new(env!("CARGO_BIN_EXE_rcache"))
            .args(["seed", "--users", "20000000", "--sandbox-dir"])
            .arg(&sandbox.dir)
            .env_remove("RCACHE_MYSQL_URL")
            .env_remove("RCACHE_REDIS_URL")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(60);
        while !sandbox.dir.join("run/mysql.pid").exists() {
            assert!(Instant::now() < deadline, "the servers do not start");
            assert!(seed.try_wait().unwrap().is_none(), "seed ended by itself");
            std::thread::sleep(Duration::from_millis(5));
        }
        signal(seed.id(), name);
        seed.wait().unwrap();
        sandbox.assert_nothing_runs();
        assert!(sandbox.run_well("stop").contains("No sandbox was running"), "{name}");
    }
}
