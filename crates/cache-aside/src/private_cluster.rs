//! A Redis or Valkey Cluster of a test's own, on ports of its own. Ends with its value.

use std::io::Write;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::cluster::{Layout, SLOTS};
use crate::endpoint::{Address, RedisEndpoint};
use crate::private_redis::program;
use crate::wire::{Connection, Limits, Tree};

/// Longer than anything takes on the slowest machine.
const PATIENT: Duration = Duration::from_secs(60);

pub(crate) struct PrivateCluster {
    folder: tempfile::TempDir,
    servers: Vec<(u16, Child)>,
    config: String,
}

/// The cluster of a test.
pub(crate) struct Plan {
    pub(crate) primaries: usize,
    pub(crate) replicas: usize,
    pub(crate) node_timeout_ms: u32,
    /// Lines of the configuration.
    pub(crate) more: &'static str,
}

impl Plan {
    /// Three primaries. A slot that no node keeps stops no other.
    pub(crate) const THREE: Self = Self {
        primaries: 3,
        replicas: 0,
        node_timeout_ms: 15_000,
        more: "cluster-require-full-coverage no\n",
    };
    /// Each with a replica that takes its place soon.
    pub(crate) const SIX: Self = Self { replicas: 3, node_timeout_ms: 700, ..Self::THREE };
}

impl PrivateCluster {
    pub(crate) fn start(plan: &Plan) -> Self {
        let config = format!(
            "bind 127.0.0.1\nsave \"\"\ncluster-enabled yes\ncluster-node-timeout {}\nrepl-diskless-sync-delay 0\n\
             repl-ping-replica-period 1\ncluster-replica-validity-factor 0\n{}",
            plan.node_timeout_ms, plan.more
        );
        let mut cluster = Self { folder: tempfile::tempdir().unwrap(), servers: Vec::new(), config };
        for _ in 0..plan.primaries + plan.replicas {
            cluster.add_server();
        }
        let primaries = u16::try_from(plan.primaries).unwrap();
        for number in 0..plan.primaries {
            let first = SLOTS / primaries * u16::try_from(number).unwrap();
            let last = if number + 1 == plan.primaries { SLOTS } else { first + SLOTS / primaries };
            let slots: Vec<String> = (first..last).map(|slot| slot.to_string()).collect();
            let words: Vec<&str> =
                ["CLUSTER", "ADDSLOTS"].into_iter().chain(slots.iter().map(String::as_str)).collect();
            cluster.say_words(number, &words);
        }
        for number in 0..cluster.servers.len() {
            cluster.say(number, &format!("CLUSTER SET-CONFIG-EPOCH {}", number + 1));
        }
        for number in 1..cluster.servers.len() {
            cluster.meet(number);
        }
        cluster.wait(|cluster| {
            (0..cluster.servers.len()).all(|number| {
                let known = format!("cluster_known_nodes:{}\r", cluster.servers.len());
                cluster.text(number, "CLUSTER INFO").contains(&known)
                    && !cluster.text(number, "CLUSTER NODES").contains("handshake")
            })
        });
        for number in 0..plan.replicas {
            let primary = cluster.id(number % plan.primaries);
            cluster.say(plan.primaries + number, &format!("CLUSTER REPLICATE {primary}"));
        }
        cluster.wait(Self::is_whole);
        cluster
    }

    /// Starts another server, which knows no other node yet.
    fn add_server(&mut self) {
        let port = free_port(&self.servers.iter().map(|(port, _)| *port).collect::<Vec<_>>());
        let server = self.launch(port);
        self.servers.push((port, server));
        let number = self.servers.len() - 1;
        self.wait(|cluster| cluster.try_connect(number).is_some());
    }

    fn launch(&self, port: u16) -> Child {
        let mut server = Command::new(program())
            .arg("-")
            .current_dir(self.folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let config = format!("port {port}\ncluster-config-file {port}.conf\n{}", self.config);
        server.stdin.take().unwrap().write_all(config.as_bytes()).unwrap();
        server
    }

    /// Starts an empty node, which keeps no slot yet. Returns its number.
    pub(crate) fn add_node(&mut self) -> usize {
        self.add_server();
        let number = self.servers.len() - 1;
        self.meet(number);
        self.wait(|cluster| cluster.knows_all_slots(number));
        number
    }

    fn meet(&self, number: usize) {
        self.say(0, &format!("CLUSTER MEET 127.0.0.1 {}", self.port(number)));
    }

    /// A node that has not heard yet who keeps a slot refuses its keys.
    pub(crate) fn knows_all_slots(&self, number: usize) -> bool {
        let info = self.text(number, "CLUSTER INFO");
        info.contains("cluster_state:ok") && info.contains("cluster_slots_assigned:16384")
    }

    fn is_whole(&self) -> bool {
        (0..self.servers.len()).all(|number| {
            self.knows_all_slots(number)
                && !self.text(number, "INFO replication").contains("master_link_status:down")
        }) && self.servers.len()
            == self.text(0, "CLUSTER NODES").lines().filter(|line| line.contains(" connected")).count()
    }

    /// Waits until that is so.
    pub(crate) fn wait(&self, mut is_so: impl FnMut(&Self) -> bool) {
        let give_up_at = Instant::now() + PATIENT;
        while !is_so(self) {
            if Instant::now() >= give_up_at {
                let views = self.living().map(|number| self.text(number, "CLUSTER NODES"));
                panic!("waited in vain for the private cluster: {:#?}", views.collect::<Vec<_>>());
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn port(&self, number: usize) -> u16 {
        self.servers[number].0
    }

    pub(crate) fn url(&self, number: usize) -> String {
        format!("redis://127.0.0.1:{}", self.port(number))
    }

    fn try_connect(&self, number: usize) -> Option<Connection> {
        let limits = Limits { connect: PATIENT, reply: PATIENT, is_over: None, max_string_bytes: 1 << 20 };
        Connection::open(&RedisEndpoint::parse(&self.url(number)).unwrap(), limits).ok()
    }

    /// The answer of a node to a command, which is written as one would type it.
    pub(crate) fn say(&self, number: usize, command: &str) -> Tree {
        self.say_words(number, &command.split(' ').collect::<Vec<_>>())
    }

    pub(crate) fn say_words(&self, number: usize, words: &[&str]) -> Tree {
        self.try_say(number, words).unwrap_or_else(|error| panic!("{words:?}: {error}"))
    }

    fn try_say(&self, number: usize, words: &[&str]) -> Result<Tree, String> {
        let words: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
        let mut connection =
            self.try_connect(number).ok_or("a node of the private cluster does not answer")?;
        connection.tree(&words).map_err(|error| error.to_string())
    }

    /// Says a command until the node carries it out. On a slow machine nodes take each other for
    /// dead for a moment, or have not heard yet who keeps a slot.
    fn insist(&self, number: usize, command: &str) {
        let words: Vec<&str> = command.split(' ').collect();
        let give_up_at = Instant::now() + PATIENT;
        while let Err(error) = self.try_say(number, &words) {
            assert!(Instant::now() < give_up_at, "{command}: {error}");
            thread::sleep(Duration::from_millis(10));
        }
    }

    pub(crate) fn text(&self, number: usize, command: &str) -> String {
        let Some(mut connection) = self.try_connect(number) else { return String::new() };
        let words: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        let answer = connection.tree(&words).ok();
        answer
            .and_then(|tree| tree.text().map(|text| String::from_utf8_lossy(text).into_owned()))
            .unwrap_or_default()
    }

    pub(crate) fn id(&self, number: usize) -> String {
        self.text(number, "CLUSTER MYID")
    }

    /// The number of the node that keeps a slot, as the first living node says.
    pub(crate) fn keeper(&self, slot: u16) -> usize {
        let named = self.living().find_map(|number| self.named_by(number, slot));
        named.unwrap_or_else(|| panic!("no node keeps slot {slot}"))
    }

    /// From now on the slot is on its way.
    pub(crate) fn begin_move(&self, slot: u16, from: usize, to: usize) {
        self.insist(to, &format!("CLUSTER SETSLOT {slot} IMPORTING {}", self.id(from)));
        self.insist(from, &format!("CLUSTER SETSLOT {slot} MIGRATING {}", self.id(to)));
    }

    /// Moves a key of a slot that is on its way.
    pub(crate) fn move_key(&self, key: &str, from: usize, to: usize) {
        self.wait(|cluster| cluster.knows_all_slots(from) && cluster.knows_all_slots(to));
        // A copy that an attempt without an answer left is replaced: as long as `from` has the key,
        // no client asks `to` for it.
        self.insist(from, &format!("MIGRATE 127.0.0.1 {} {key} 0 5000 REPLACE", self.port(to)));
    }

    /// Moves the keys that are left, and the slot.
    pub(crate) fn end_move(&self, slot: u16, from: usize, to: usize) {
        loop {
            let keys = self.say(from, &format!("CLUSTER GETKEYSINSLOT {slot} 100"));
            let keys: Vec<&str> = keys
                .list()
                .unwrap()
                .iter()
                .map(|key| std::str::from_utf8(key.text().unwrap()).unwrap())
                .collect();
            if keys.is_empty() {
                break;
            }
            keys.iter().for_each(|key| self.move_key(key, from, to));
        }
        let new = self.id(to);
        for number in [to, from] {
            self.insist(number, &format!("CLUSTER SETSLOT {slot} NODE {new}"));
        }
        self.settle(slot, to);
    }

    /// Waits until all nodes that live name this one for the slot. Nodes that take slots at about
    /// the same time may choose the same epoch; then others believe the wrong one for ever, unless
    /// the right one gets an epoch of its own.
    fn settle(&self, slot: u16, keeper: usize) {
        let new = self.id(keeper);
        let mut round = 0;
        self.wait(|cluster| {
            // Replicas refuse to be told.
            cluster.living().for_each(|number| {
                let _ = cluster.try_say(number, &["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", &new]);
            });
            round += 1;
            if round % 20 == 0 {
                let _ = cluster.try_say(keeper, &["CLUSTER", "BUMPEPOCH"]);
            }
            cluster.living().all(|number| cluster.named_by(number, slot) == Some(keeper))
        });
    }

    fn living(&self) -> impl Iterator<Item = usize> {
        (0..self.servers.len()).filter(|number| self.try_connect(*number).is_some())
    }

    /// The keeper of a slot, as a node says.
    fn named_by(&self, number: usize, slot: u16) -> Option<usize> {
        let address = Address::Tcp { host: "127.0.0.1".to_owned(), port: self.port(number) };
        let layout = Layout::read(&self.try_say(number, &["CLUSTER", "SLOTS"]).ok()?, &address)?;
        let Some(Address::Tcp { port, .. }) = layout.primary_of(slot) else { return None };
        self.servers.iter().position(|(own, _)| own == port)
    }

    /// Waits until the replicas of a node have all that it has.
    pub(crate) fn sync(&self, primary: usize) {
        self.wait(|cluster| {
            let info = cluster.text(primary, "INFO replication");
            let own =
                info.lines().find_map(|line| line.strip_prefix("master_repl_offset:")).unwrap_or("none");
            let mut replicas =
                info.lines().filter(|line| line.starts_with("slave") && line.contains("offset=")).peekable();
            replicas.peek().is_some() && replicas.all(|line| line.contains(&format!("offset={own},")))
        });
    }

    /// Whether all nodes that live say the same of these slots.
    pub(crate) fn agrees(&self, slots: &[u16]) -> bool {
        let mut views = (0..self.servers.len()).filter_map(|number| {
            self.try_connect(number)?;
            let address = Address::Tcp { host: "127.0.0.1".to_owned(), port: self.port(number) };
            let layout = Layout::read(&self.try_say(number, &["CLUSTER", "SLOTS"]).ok()?, &address)?;
            Some(slots.iter().map(|slot| layout.primary_of(*slot).cloned()).collect::<Vec<_>>())
        });
        let first = views.next();
        views.all(|view| Some(view) == first)
    }

    pub(crate) fn move_slot(&self, slot: u16, to: usize) {
        // The node that takes itself for the keeper has the keys.
        let from = self.living().find(|number| self.named_by(*number, slot) == Some(*number));
        let from = from.unwrap_or_else(|| self.keeper(slot));
        self.settle(slot, from);
        if from != to {
            self.begin_move(slot, from, to);
            self.end_move(slot, from, to);
        }
    }

    /// Sends a node a signal by its name. One that is stopped is silent: its system still takes
    /// connections.
    pub(crate) fn signal(&self, number: usize, name: &str) {
        let process = self.servers[number].1.id().to_string();
        let status = Command::new("kill").arg(format!("-{name}")).arg(process).status();
        assert!(status.unwrap().success(), "kill -{name}");
    }

    /// Kills a node at once.
    pub(crate) fn kill(&mut self, number: usize) {
        let (_, server) = &mut self.servers[number];
        server.kill().unwrap();
        server.wait().unwrap();
    }

    /// Starts a killed node again, as what it was.
    pub(crate) fn revive(&mut self, number: usize) {
        let port = self.port(number);
        let server = self.launch(port);
        self.servers[number].1 = server;
        self.wait(|cluster| cluster.try_connect(number).is_some());
    }

    pub(crate) fn nodes(&self) -> usize {
        self.servers.len()
    }
}

impl Drop for PrivateCluster {
    fn drop(&mut self) {
        for (_, server) in &mut self.servers {
            let _ = server.kill();
            let _ = server.wait();
        }
    }
}

/// Below the ports that the system gives to clients, and so is the port of the cluster's own bus,
/// which is 10,000 higher.
fn free_port(taken: &[u16]) -> u16 {
    loop {
        let port = 11_000 + rand::random::<u16>() % 9_000;
        let is_free = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_ok();
        if !taken.contains(&port) && is_free(port) && is_free(port + 10_000) {
            return port;
        }
    }
}
