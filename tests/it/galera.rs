//! A real Galera cluster of two nodes: what a bench says of it, and that a load from a node that
//! lags fills a cache with an old value, unless it waits for the cluster.
//!
//! Needs MariaDB and its provider, Debian's package galera-4, which `scripts/setup-servers galera`
//! installs. Without them the test says that it is skipped, unless CI=true. Both nodes start from
//! copies of one data folder, so that nothing has to be sent to the second one.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use cache_aside::{Cache, Key, Options};
use mysql::prelude::Queryable;

use crate::database_nodes::{bench, node, on, page, warnings};
use crate::private_redis::PATIENT;
use crate::proxy::Proxy;
use crate::sandbox::Sandbox;
use crate::tls::{database_of, free_port};
use crate::world::{self, world};

crate::tests![a_real_cluster_of_two_nodes];

const PROVIDERS: [&str; 4] = [
    "/usr/lib/galera/libgalera_smm.so",
    "/usr/lib64/galera-4/libgalera_smm.so",
    "/usr/lib64/galera/libgalera_smm.so",
    "/usr/lib/libgalera_smm.so",
];

fn a_real_cluster_of_two_nodes() {
    let Some(cluster) = Cluster::start() else { return };
    a_node_says_that_it_is_one(&cluster);
    both_nodes_behind_one_name_are_a_warning(&cluster);
    a_node_that_lags_fills_the_cache_with_an_old_value(&cluster);
    a_load_that_waits_for_the_cluster_does_not(&cluster);
}

fn a_node_says_that_it_is_one(cluster: &Cluster) {
    let run = bench(&cluster.url(1));
    assert_eq!(warnings(&run), [""; 0]);
    let found = &node(&run)["cluster"];
    assert_eq!((&found["kind"], &found["size"]), (&"galera".into(), &2.into()), "{found}");
    assert_eq!((&found["state"], &found["consistency"]), (&"Synced".into(), &"0".into()), "{found}");
    assert_eq!(found["name"], "rcache-test");
    let page = page(&cluster.url(1));
    assert!(page.contains("Galera cluster of 2, Synced, wsrep_sync_wait 0"), "{page}");
    let mut conn = cluster.connect(1);
    conn.query_drop("SET GLOBAL wsrep_desync = ON").unwrap();
    let run = bench(&cluster.url(1));
    assert_eq!(warnings(&run), ["node_not_synced"], "{}", node(&run));
    conn.query_drop("SET GLOBAL wsrep_desync = OFF").unwrap();
    cluster.wait_until_synced(1);
}

fn both_nodes_behind_one_name_are_a_warning(cluster: &Cluster) {
    let proxy = Proxy::of_ports(&[cluster.nodes[0].port, cluster.nodes[1].port]);
    let run = bench(&cluster.url_at(proxy.port()));
    assert_eq!(warnings(&run), ["several_servers"]);
    assert_eq!(node(&run)["reached"].as_array().unwrap().len(), 2, "{}", node(&run));
}

/// A row that is written on the first node and read on the second.
struct Thing<'a> {
    cluster: &'a Cluster,
    id: u32,
    key: Key,
}

impl<'a> Thing<'a> {
    fn new(cluster: &'a Cluster, id: u32) -> Self {
        let mut conn = cluster.connect(0);
        conn.query_drop("CREATE TABLE IF NOT EXISTS rcache.thing (id INT PRIMARY KEY, value VARCHAR(20))")
            .unwrap();
        conn.exec_drop("INSERT INTO rcache.thing VALUES (?, 'old')", (id,)).unwrap();
        let thing = Self { cluster, id, key: Key::new("thing", 1, id).unwrap() };
        world::wait_until("the second node has the row", || thing.on_the_second().is_some());
        thing
    }

    fn read(&self, conn: &mut mysql::Conn) -> Option<String> {
        conn.exec_first("SELECT value FROM rcache.thing WHERE id = ?", (self.id,)).unwrap()
    }

    fn on_the_second(&self) -> Option<String> {
        self.read(&mut self.cluster.connect(1))
    }

    /// A crash-safe write.
    fn write(&self, cache: &Cache, value: &str) {
        let guard = cache.mark(&[&self.key]).unwrap();
        let mut conn = self.cluster.connect(0);
        conn.exec_drop("UPDATE rcache.thing SET value = ? WHERE id = ?", (value, self.id)).unwrap();
        guard.finish().unwrap();
    }
}

fn cache() -> Cache {
    let options = Options::default().namespace(format!("galera-{}", std::process::id()));
    let options = options.ttl(Duration::from_secs(1_000)).reply_timeout(PATIENT).lease(4 * PATIENT);
    Cache::connect(&world().redis_url(), options).unwrap()
}

/// Keeps the second node from applying what the first one commits, while its reads go on.
fn lagging(cluster: &Cluster) -> mysql::Conn {
    let mut conn = cluster.connect(1);
    conn.query_drop("LOCK TABLES rcache.thing READ").unwrap();
    conn
}

fn a_node_that_lags_fills_the_cache_with_an_old_value(cluster: &Cluster) {
    let (thing, cache) = (Thing::new(cluster, 1), cache());
    let mut lag = lagging(cluster);
    thing.write(&cache, "new");
    let load = || Ok::<_, Infallible>(thing.on_the_second());
    assert_eq!(
        cache.get(&thing.key, load).unwrap().as_deref(),
        Some("old"),
        "the load reads what the node has"
    );
    lag.query_drop("UNLOCK TABLES").unwrap();
    world::wait_until("the second node has applied it", || thing.on_the_second().as_deref() == Some("new"));
    // The node has caught up, and the cache has not: the old value stays until it expires or is
    // written again.
    let hit = || -> Result<Option<String>, Infallible> { panic!("this must be a hit") };
    assert_eq!(cache.get(&thing.key, hit).unwrap().as_deref(), Some("old"));
    thing.write(&cache, "newer");
    world::wait_until("the second node has applied it", || thing.on_the_second().as_deref() == Some("newer"));
    assert_eq!(cache.get(&thing.key, load).unwrap().as_deref(), Some("newer"));
}

fn a_load_that_waits_for_the_cluster_does_not(cluster: &Cluster) {
    let (thing, cache) = (Thing::new(cluster, 2), cache());
    let mut lag = lagging(cluster);
    thing.write(&cache, "new");
    thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let load = || {
                let mut conn = cluster.connect(1);
                conn.query_drop("SET SESSION wsrep_sync_wait = 1").unwrap();
                Ok::<_, Infallible>(thing.read(&mut conn))
            };
            cache.get(&thing.key, load).unwrap()
        });
        // However long it is given, it has no answer before the node has applied the write.
        thread::sleep(Duration::from_millis(500));
        assert!(!reading.is_finished(), "the load did not wait");
        assert_eq!(thing.on_the_second().as_deref(), Some("old"), "others still read the old value");
        lag.query_drop("UNLOCK TABLES").unwrap();
        assert_eq!(reading.join().unwrap().as_deref(), Some("new"));
    });
    let hit = || -> Result<Option<String>, Infallible> { panic!("this must be a hit") };
    assert_eq!(cache.get(&thing.key, hit).unwrap().as_deref(), Some("new"));
}

/// Two nodes. They end with this value.
struct Cluster {
    nodes: Vec<Node>,
    password: String,
    _folder: tempfile::TempDir,
}

struct Node {
    server: Child,
    port: u16,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The options that both nodes have in common.
struct Plan {
    program: PathBuf,
    provider: &'static str,
    /// The address on which the first node listens for the second.
    group_port: u16,
}

impl Cluster {
    /// None if it cannot be made on this machine.
    fn start() -> Option<Self> {
        let Some(provider) = PROVIDERS.into_iter().find(|file| Path::new(file).exists()) else {
            return Self::skipped("no provider; scripts/setup-servers galera installs it");
        };
        let sandbox = Sandbox::new();
        sandbox.run_well("start");
        let url = sandbox.mysql_url();
        on(&url, &["seed", "--users", "50"]).fine();
        let (program, options) = sandbox.pids().into_iter().find_map(database_of).unwrap();
        sandbox.run_well("stop");
        let help = Command::new(&program).args(["--no-defaults", "--verbose", "--help"]).output().unwrap();
        if !String::from_utf8_lossy(&help.stdout).contains("wsrep-provider") {
            return Self::skipped("this database knows no Galera");
        }
        let folder = tempfile::tempdir().unwrap();
        let data = options.iter().find_map(|option| option.strip_prefix("--datadir=")).unwrap().to_owned();
        let kept: Vec<&String> = options.iter().filter(|option| !option.starts_with("--datadir=")).collect();
        let plan = Plan { program, provider, group_port: free_port() };
        let password = url.split([':', '@']).nth(2).unwrap().to_owned();
        let mut cluster = Self { nodes: Vec::new(), password, _folder: folder };
        for number in 0..2 {
            let own = cluster._folder.path().join(format!("node-{number}"));
            let copied = Command::new("cp").arg("-a").arg(&data).arg(&own).status().unwrap();
            assert!(copied.success());
            std::fs::write(own.join("grastate.dat"), state(number)).unwrap();
            cluster.nodes.push(plan.start(number, &own, &kept));
            cluster.wait_until_synced(number);
        }
        Some(cluster)
    }

    fn skipped(why: &str) -> Option<Self> {
        assert!(std::env::var_os("CI").is_none(), "CI needs Galera: {why}");
        world::skipped(why);
        None
    }

    fn url(&self, number: usize) -> String {
        self.url_at(self.nodes[number].port)
    }

    fn url_at(&self, port: u16) -> String {
        format!("mysql://rcache:{}@127.0.0.1:{port}/rcache", self.password)
    }

    fn connect(&self, number: usize) -> mysql::Conn {
        world::connect(&self.url(number))
    }

    fn wait_until_synced(&self, number: usize) {
        let options = mysql::OptsBuilder::from_opts(mysql::Opts::from_url(&self.url(number)).unwrap());
        let options = options.prefer_socket(false);
        let state = "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS \
                     WHERE VARIABLE_NAME = 'wsrep_local_state_comment'";
        world::wait_until("the node is synced", || {
            let asked =
                mysql::Conn::new(options.clone()).and_then(|mut conn| conn.query_first::<String, _>(state));
            matches!(asked, Ok(Some(state)) if state == "Synced")
        });
    }
}

/// The files that a node finds of an earlier life: the state of the group just before it joins, so
/// that it has nothing to fetch. Each change of the group, such as a node that joins, counts as
/// one.
fn state(number: usize) -> String {
    let group = "5f1c0a5e-0000-11f0-8000-000000000001";
    format!("# GALERA saved state\nversion: 2.1\nuuid:    {group}\nseqno:   {number}\nsafe_to_bootstrap: 1\n")
}

impl Plan {
    fn start(&self, number: usize, data: &Path, kept: &[&String]) -> Node {
        let port = free_port();
        // The first one listens where the second one looks for it.
        let listens = if number == 0 { self.group_port } else { free_port() };
        let address = if number == 0 {
            "gcomm://".to_owned()
        } else {
            format!("gcomm://127.0.0.1:{}", self.group_port)
        };
        let mut command = Command::new(&self.program);
        command.args(kept);
        command.arg(format!("--datadir={}", data.display()));
        command.arg(format!("--socket={}", data.join("db.sock").display()));
        command.arg(format!("--pid-file={}", data.join("db.pid").display()));
        command.arg(format!("--log-error={}", data.join("error.log").display()));
        command.args([format!("--port={port}"), "--bind-address=127.0.0.1".to_owned()]);
        command.args(["--skip-name-resolve", "--binlog-format=ROW", "--innodb-autoinc-lock-mode=2"]);
        command.args(["--wsrep-on=ON", "--wsrep-cluster-name=rcache-test", "--wsrep-sst-method=skip"]);
        command.arg(format!("--wsrep-provider={}", self.provider));
        command.arg(format!("--wsrep-cluster-address={address}"));
        command.arg(format!("--wsrep-node-name=node-{number}"));
        command.arg(format!("--wsrep-node-address=127.0.0.1:{listens}"));
        command.arg(format!(
            "--wsrep-provider-options=gmcast.listen_addr=tcp://127.0.0.1:{listens};ist.recv_addr=127.0.0.1:{};gcache.size=4M",
            free_port()
        ));
        if number == 0 {
            command.arg("--wsrep-new-cluster");
        }
        let server = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        Node { server, port }
    }
}
