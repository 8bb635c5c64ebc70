//! A Redis Cluster of a test's own, made by Redis' own tool: three primaries on ports of their own.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};

use crate::private_redis::program;
use crate::world;

pub(crate) struct PrivateCluster {
    _folder: tempfile::TempDir,
    nodes: Vec<(u16, Child)>,
}

impl PrivateCluster {
    /// None, with a word about it, if `redis-cli` is not installed.
    pub(crate) fn start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let nodes = (0..3).map(|_| start_node(folder.path())).collect();
        let cluster = Self { _folder: folder, nodes };
        let addresses: Vec<String> = cluster.ports().map(|port| format!("127.0.0.1:{port}")).collect();
        let mut create = Command::new("redis-cli");
        create.args(["--cluster", "create"]).args(addresses).arg("--cluster-yes");
        match create.stdin(Stdio::null()).output() {
            Ok(output) => assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout)),
            Err(_) => {
                world::skipped("redis-cli is not installed");
                return None;
            }
        }
        world::wait_until("every node serves every slot", || {
            (0..3).all(|node| {
                let info: String =
                    redis::cmd("CLUSTER").arg("INFO").query(&mut cluster.connect(node)).unwrap();
                info.contains("cluster_state:ok") && info.contains("cluster_slots_ok:16384")
            })
        });
        Some(cluster)
    }

    fn ports(&self) -> impl Iterator<Item = u16> {
        self.nodes.iter().map(|(port, _)| *port)
    }

    pub(crate) fn url(&self, node: usize) -> String {
        format!("redis://127.0.0.1:{}", self.nodes[node].0)
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

    /// The number of keys of all nodes.
    pub(crate) fn keys(&self) -> u64 {
        (0..3).map(|node| redis::cmd("DBSIZE").query::<u64>(&mut self.connect(node)).unwrap()).sum()
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

/// On a port whose neighbour 10,000 higher, that of the cluster's own bus, is free too.
fn start_node(folder: &std::path::Path) -> (u16, Child) {
    let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
    let port = loop {
        let port = 11_000 + rand::random::<u16>() % 9_000;
        if is_free(port) && is_free(port + 10_000) {
            break port;
        }
    };
    let mut node = Command::new(program())
        .arg("-")
        .current_dir(folder)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let config = format!(
        "port {port}\nbind 127.0.0.1\nsave \"\"\ncluster-enabled yes\ncluster-config-file {port}.conf\n"
    );
    node.stdin.take().unwrap().write_all(config.as_bytes()).unwrap();
    world::wait_until("the node listens", || !is_free(port));
    (port, node)
}
