//! Clusters and Sentinels over TLS, with a password and certificates made for the test.

use std::convert::Infallible;
use std::io::Write;
use std::process::{Child, Command, Stdio};

use cache_aside::{Cache, Key, Options};

use crate::private_cluster::{Plan, PrivateCluster, cli};
use crate::private_redis::{PATIENT, program};
use crate::scenario::not_broken;
use crate::tls::{Certificates, free_port, knows_tls};
use crate::world::{self, Place, rcache};

crate::tests![
    a_cluster_is_used_over_tls,
    a_cluster_is_used_over_tls_by_the_names_of_its_nodes,
    sentinels_and_their_primary_are_used_over_tls,
];

const PASSWORD: &str = "hunter2";
const MANY: u32 = 60;

fn cache(url: &str) -> Cache {
    let options = Options::default().connect_timeout(PATIENT).reply_timeout(PATIENT).early_refresh(0.0);
    Cache::connect(url, options).unwrap()
}

fn key(id: u32) -> Key {
    Key::new("thing", 1, id).unwrap()
}

/// Reads rows, and returns the number of loads.
fn read_all(cache: &Cache) -> u32 {
    let mut loads = 0;
    for id in 0..MANY {
        let load = || {
            loads += 1;
            Ok::<_, Infallible>(Some(format!("row {id}")))
        };
        assert_eq!(cache.get(&key(id), load).unwrap(), Some(format!("row {id}")));
    }
    loads
}

/// Three primaries that listen with TLS alone, for clients and among themselves. Its nodes call
/// each other by this name.
fn cluster(certificates: &Certificates, name: &str) -> Option<PrivateCluster> {
    let mut config = format!(
        "port 0\ntls-cluster yes\ntls-replication yes\nrequirepass {PASSWORD}\nmasterauth {PASSWORD}\n{}",
        certificates.redis_config()
    );
    if name != "127.0.0.1" {
        config += &format!("cluster-announce-hostname {name}\ncluster-preferred-endpoint-type hostname\n");
    }
    let ca = certificates.path("ca.pem").display().to_string();
    // The tool verifies the chain and not the name.
    let arguments = ["--tls", "--cacert", &ca, "-h", "127.0.0.1", "-a", PASSWORD, "--no-auth-warning"];
    PrivateCluster::start_with(Plan {
        config,
        listens: "tls-port",
        cli: arguments.map(str::to_owned).to_vec(),
        ..Plan::plain()
    })
}

fn a_cluster_is_used_over_tls() {
    is_used_over_tls("127.0.0.1");
}

/// The certificate is for the name: an address that a node gave would not be accepted.
fn a_cluster_is_used_over_tls_by_the_names_of_its_nodes() {
    let version = Command::new(program()).arg("--version").output().unwrap();
    if String::from_utf8_lossy(&version.stdout).contains("v=6.") {
        return world::skipped("the nodes of this Redis have no names");
    }
    is_used_over_tls("localhost");
}

fn is_used_over_tls(name: &str) {
    if !knows_tls() {
        return world::skipped("this Redis was built without TLS");
    }
    let certificates = Certificates::of(name);
    let Some(cluster) = cluster(&certificates, name) else { return };
    // Names spread from node to node after the cluster was made.
    world::wait_until("every node knows the names of all", || {
        (0..3).all(|node| cluster.say(node, "cluster slots").matches(name).count() >= 3)
    });
    let trust = |certificates: &Certificates| format!("?ssl-ca={}", certificates.path("ca.pem").display());
    let url = |password: &str, files: &str| format!("rediss://:{password}@{name}:{}{files}", cluster.port(1));
    let good = url(PASSWORD, &trust(&certificates));
    let cache = self::cache(&good);
    assert_eq!((read_all(&cache), read_all(&cache)), (MANY, 0), "{:?}", cache.last_error());
    let report = cache.check().unwrap();
    assert_eq!(report.cluster_primaries, Some(3), "{report}");
    let keys: Vec<Key> = (0..MANY).map(key).collect();
    let guard = cache.mark(&keys.iter().collect::<Vec<_>>()).unwrap();
    assert_eq!(guard.finish().unwrap().lost(), []);
    read_all(&cache);
    assert_eq!(cache.invalidate_kind("thing").unwrap(), u64::from(MANY));
    assert_eq!(cache.stats().redis_errors, 0, "{:?}", cache.last_error());
    // Each fault is named, and costs no read.
    for (bad, words) in [
        (url(PASSWORD, &trust(&Certificates::of(name))), "invalid peer certificate"),
        (url("wrong", &trust(&certificates)), "WRONGPASS"),
    ] {
        let refused = self::cache(&bad);
        assert_eq!(read_all(&refused), MANY);
        let error = format!("{:?}", refused.invalidate(&key(1)).unwrap_err());
        assert!(error.contains(words), "{error}");
    }
    by_the_program(&good);
}

fn by_the_program(url: &str) {
    let place = Place::seeded(200);
    let run = |arguments: &[&str]| {
        let mut command = rcache();
        command.args(arguments).args(["--redis-url", url, "--namespace", &place.namespace]);
        if arguments[0] != "flush" {
            command.args(["--mysql-url", &place.mysql_url()]);
        }
        world::ran(&mut command)
    };
    let document = run(&["bench", "-n", "40", "-w", "point,all", "--format", "json"]).fine().json();
    let redis = &document["environment"]["redis"];
    assert_eq!(redis["transport"], "tcp+tls", "{redis}");
    let is_cluster = !url.contains("+sentinel");
    assert_eq!(redis["cluster_primaries"].as_u64(), is_cluster.then_some(3), "{redis}");
    not_broken(run(&["scenario", "stale", "--duration", "1", "--clients", "4"]));
    let flushed = run(&["flush", "--format", "json"]).fine().json();
    assert!(flushed["removed"].as_u64().unwrap() >= 41, "{flushed}");
    assert_eq!(run(&["flush", "--format", "json"]).fine().json()["removed"], 0);
}

/// A primary, a replica and a Sentinel, all with TLS alone.
struct Watched {
    folder: tempfile::TempDir,
    certificates: Certificates,
    servers: Vec<(u16, Child)>,
}

impl Watched {
    fn start() -> Self {
        let mut watched = Self {
            folder: tempfile::tempdir().unwrap(),
            certificates: Certificates::new(),
            servers: Vec::new(),
        };
        let login = format!("save \"\"\nrequirepass {PASSWORD}\nmasterauth {PASSWORD}\n");
        watched.launch(&login, &[]);
        let primary = watched.servers[0].0;
        watched.launch(&format!("{login}replicaof 127.0.0.1 {primary}\nrepl-diskless-sync-delay 0\n"), &[]);
        let sentinel = format!(
            "sentinel monitor the-cache 127.0.0.1 {primary} 1\nsentinel auth-pass the-cache {PASSWORD}\n\
             sentinel down-after-milliseconds the-cache 500\nsentinel failover-timeout the-cache 3000\nrequirepass watchword\n"
        );
        watched.launch(&sentinel, &["--sentinel"]);
        // The Sentinel asks the primary for its replicas from time to time.
        let cache = cache(&watched.url("the-cache", "watchword"));
        world::wait_until("the Sentinel knows the primary", || cache.check().is_ok());
        watched
    }

    fn launch(&mut self, config: &str, arguments: &[&str]) {
        let port = free_port();
        let file = self.folder.path().join(format!("{port}.conf"));
        let config = format!(
            "port 0\ntls-port {port}\ntls-replication yes\nbind 127.0.0.1\ndir {}\n{}{config}",
            self.folder.path().display(),
            self.certificates.redis_config()
        );
        std::fs::File::create(&file).unwrap().write_all(config.as_bytes()).unwrap();
        let server =
            Command::new(program()).arg(&file).args(arguments).stdout(Stdio::null()).spawn().unwrap();
        self.servers.push((port, server));
        world::wait_until("the server listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    }

    fn url(&self, name: &str, sentinel_password: &str) -> String {
        // The first of the Sentinels is not there.
        let port = self.servers[2].0;
        let ca = self.certificates.path("ca.pem").display().to_string();
        format!(
            "rediss+sentinel://:{PASSWORD}@127.0.0.1:1,127.0.0.1:{port}/{name}?sentinel-pass={sentinel_password}&ssl-ca={ca}"
        )
    }

    /// The number of replicas that the Sentinel knows and that are up to date.
    fn has_replica(&self) -> bool {
        let ask = |number: usize, password: &str, command: &[&str]| {
            let mut cli = Command::new(cli().unwrap());
            cli.args(["--tls", "--cacert"]).arg(self.certificates.path("ca.pem"));
            cli.args(["-h", "127.0.0.1", "-p", &self.servers[number].0.to_string(), "-a", password]);
            let output = cli.arg("--no-auth-warning").args(command).stdin(Stdio::null()).output().unwrap();
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        ask(2, "watchword", &["info", "sentinel"]).contains("slaves=1")
            && ask(1, PASSWORD, &["info", "replication"]).contains("master_link_status:up")
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        for (_, server) in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

fn sentinels_and_their_primary_are_used_over_tls() {
    if !knows_tls() {
        return world::skipped("this Redis was built without TLS");
    }
    let has_tls = cli().is_some_and(|cli| {
        let output = Command::new(cli).args(["--tls", "--version"]).output().unwrap();
        output.status.success()
    });
    if !has_tls {
        return world::skipped("no redis-cli or valkey-cli with TLS is installed");
    }
    let mut watched = Watched::start();
    let url = watched.url("the-cache", "watchword");
    let cache = cache(&url);
    assert_eq!((read_all(&cache), read_all(&cache)), (MANY, 0), "{:?}", cache.last_error());
    for (bad, words) in [
        (watched.url("another", "watchword"), "no primary of that name"),
        (watched.url("the-cache", "wrong"), "WRONGPASS"),
        (url.replace("rediss+", "redis+").split("&ssl-ca").next().unwrap().to_owned(), "the Sentinel at"),
    ] {
        let refused = self::cache(&bad);
        assert_eq!(read_all(&refused), MANY);
        let error = refused.invalidate(&key(1)).unwrap_err().to_string();
        assert!(error.contains(words), "{words}: {error}");
    }
    by_the_program(&url);
    world::wait_until("the Sentinel knows the replica", || watched.has_replica());
    let (_, primary) = &mut watched.servers[0];
    primary.kill().unwrap();
    primary.wait().unwrap();
    world::wait_until("hits are back after the failover", || {
        read_all(&cache);
        read_all(&cache) == 0
    });
    assert_eq!(cache.mark(&[&key(3)]).unwrap().finish().unwrap().lost(), []);
    by_the_program(&url);
}
