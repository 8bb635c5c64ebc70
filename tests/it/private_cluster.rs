//! A Redis Cluster of a test's own, made by Redis' own tool: primaries, and replicas if they are
//! wanted, on ports of their own.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use crate::private_redis::program;
use crate::world;

pub(crate) struct PrivateCluster {
    folder: tempfile::TempDir,
    nodes: Vec<(u16, Child)>,
    plan: Plan,
}

/// The nodes of a cluster, and how they are spoken to.
pub(crate) struct Plan {
    pub(crate) primaries: usize,
    pub(crate) replicas_each: usize,
    /// Lines of the configuration.
    pub(crate) config: String,
    /// The line with which a node listens, without its number.
    pub(crate) listens: &'static str,
    /// Arguments of Redis' own tool.
    pub(crate) cli: Vec<String>,
}

impl Plan {
    /// Three primaries without a password.
    pub(crate) fn plain() -> Self {
        Self {
            primaries: 3,
            replicas_each: 0,
            config: String::new(),
            listens: "port",
            cli: vec!["-h".to_owned(), "127.0.0.1".to_owned()],
        }
    }
}

/// Redis' or Valkey's own tool, whichever is installed.
pub(crate) fn cli() -> Option<&'static str> {
    let runs = |tool: &&str| {
        Command::new(tool).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    };
    ["redis-cli", "valkey-cli"].into_iter().find(runs)
}

impl PrivateCluster {
    /// Three primaries; none, with a word about it, if the tool is not installed.
    pub(crate) fn start() -> Option<Self> {
        Self::start_with(Plan::plain())
    }

    /// None, with a word about it, if the tool is not installed, or was built without TLS.
    pub(crate) fn start_with(plan: Plan) -> Option<Self> {
        if cli().is_none() {
            world::skipped("neither redis-cli nor valkey-cli is installed");
            return None;
        }
        let mut cluster = Self { folder: tempfile::tempdir().unwrap(), nodes: Vec::new(), plan };
        for _ in 0..cluster.plan.primaries * (1 + cluster.plan.replicas_each) {
            cluster.start_node();
        }
        let addresses: Vec<String> =
            cluster.nodes.iter().map(|(port, _)| format!("127.0.0.1:{port}")).collect();
        let replicas = cluster.plan.replicas_each.to_string();
        let mut create = Command::new(cli()?);
        create.args(&cluster.plan.cli).args(["--cluster", "create"]).args(addresses);
        create.args(["--cluster-replicas", &replicas, "--cluster-yes"]);
        let made = create.stdin(Stdio::null()).output().unwrap();
        let said = String::from_utf8_lossy(&[made.stdout, made.stderr].concat()).into_owned();
        if said.contains("Unrecognized option") {
            world::skipped("the tool of this Redis was built without TLS");
            return None;
        }
        assert!(made.status.success(), "{said}");
        world::wait_until("every node serves every slot", || {
            (0..cluster.nodes.len()).all(|node| cluster.is_whole(node))
        });
        Some(cluster)
    }

    fn is_whole(&self, node: usize) -> bool {
        let info = self.say(node, "cluster info");
        let replication = self.say(node, "info replication");
        info.contains("cluster_state:ok")
            && info.contains("cluster_slots_ok:16384")
            && !replication.contains("master_link_status:down")
    }

    /// The answer of a node by Redis' own tool; nothing if it does not answer.
    pub(crate) fn say(&self, node: usize, command: &str) -> String {
        let mut cli = Command::new(cli().unwrap());
        cli.args(&self.plan.cli).args(["-p", &self.port(node).to_string()]).args(command.split(' '));
        String::from_utf8_lossy(&cli.stdin(Stdio::null()).output().unwrap().stdout).into_owned()
    }

    pub(crate) fn port(&self, node: usize) -> u16 {
        self.nodes[node].0
    }

    pub(crate) fn url(&self, node: usize) -> String {
        format!("redis://127.0.0.1:{}", self.port(node))
    }

    pub(crate) fn connect(&self, node: usize) -> redis::Connection {
        redis::Client::open(self.url(node)).unwrap().get_connection().unwrap()
    }

    /// Sends a signal to one node: `STOP` hangs it, `CONT` lets it go on.
    pub(crate) fn signal(&self, node: usize, name: &str) {
        world::signal(&self.nodes[node].1, name);
    }

    /// Stores a value under a key, wherever that is.
    pub(crate) fn plant(&self, key: &str) {
        let planted = (0..3)
            .any(|node| redis::cmd("SET").arg(key).arg("precious").exec(&mut self.connect(node)).is_ok());
        assert!(planted, "no node takes {key}");
    }

    /// Whether any node has that key.
    pub(crate) fn has(&self, key: &str) -> bool {
        (0..3).any(|node| {
            let there: Result<bool, _> = redis::cmd("EXISTS").arg(key).query(&mut self.connect(node));
            there.unwrap_or(false)
        })
    }

    /// The number of keys of all primaries.
    pub(crate) fn keys(&self) -> u64 {
        (0..3).map(|node| redis::cmd("DBSIZE").query::<u64>(&mut self.connect(node)).unwrap()).sum()
    }

    /// On a port whose neighbour 10,000 higher, that of the cluster's own bus, is free too.
    fn start_node(&mut self) {
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        let port = loop {
            let port = 11_000 + rand::random::<u16>() % 9_000;
            if is_free(port) && is_free(port + 10_000) {
                break port;
            }
        };
        let mut node = Command::new(program())
            .arg("-")
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let config = format!(
            "{} {port}\nbind 127.0.0.1\nsave \"\"\ncluster-enabled yes\ncluster-config-file {port}.conf\n{}",
            self.plan.listens, self.plan.config
        );
        node.stdin.take().unwrap().write_all(config.as_bytes()).unwrap();
        self.nodes.push((port, node));
        world::wait_until("the node listens", || !is_free(port));
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        for (_, node) in &mut self.nodes {
            let _ = node.kill();
            let _ = node.wait();
        }
    }
}
