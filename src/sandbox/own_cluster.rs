//! A Redis Cluster of one command's own, beside the sandbox's servers: three primaries, each with a
//! replica. Its nodes can be killed and its slots moved.

use std::marker::PhantomData;
use std::sync::MutexGuard;
use std::time::Duration;

use anyhow::{Context, bail};

use super::child::{self, Life, Server};
use super::cluster::{self, Node};
use super::redis::{self, Role};
use super::{Sandbox, Up};
use crate::endpoint::RedisEndpoint;
use crate::secret::Secret;

/// The names of the nodes' files: the primaries, then the replica of each.
const NAMES: [&str; 6] = ["cluster-1", "cluster-2", "cluster-3", "cluster-4", "cluster-5", "cluster-6"];
/// Keys that one MIGRATE takes along.
const KEYS_AT_ONCE: u32 = 100;
/// The time that one MIGRATE may take; its reply is awaited a little longer.
const MIGRATE_MS: u32 = 300;

/// A cluster that ends with this value.
#[derive(Debug)]
pub(crate) struct OwnCluster {
    nodes: Vec<Up>,
    /// The numbers of those that were killed.
    killed: Vec<usize>,
    password: Secret,
    // The kernel ends servers with the thread that started them, so this value stays there.
    _on_this_thread: PhantomData<MutexGuard<'static, ()>>,
}

impl Sandbox {
    /// Starts a cluster in the folder of this sandbox, whose servers are this command's own. Its
    /// nodes take one of them for gone after `node_timeout`.
    pub(crate) fn start_cluster(&self, node_timeout: Duration) -> anyhow::Result<OwnCluster> {
        let password = super::new_password()?;
        let role = Role::Node { timeout: node_timeout };
        let nodes = cluster::start_nodes(&self.folder, &NAMES, role, Life::WithUs, &password)?;
        let cluster = OwnCluster { nodes, killed: Vec::new(), password, _on_this_thread: PhantomData };
        let ports: Vec<u16> = cluster.nodes.iter().map(|up| up.port).collect();
        cluster::join(&ports, &cluster.password).context("cannot make a private Redis Cluster")?;
        Ok(cluster)
    }
}

impl OwnCluster {
    pub(crate) const PRIMARIES: usize = cluster::PRIMARIES;
    pub(crate) const REPLICAS: usize = NAMES.len() - cluster::PRIMARIES;

    /// All nodes, by TCP on 127.0.0.1.
    pub(crate) fn endpoint(&self) -> RedisEndpoint {
        let ports = || self.nodes.iter().map(|up| up.port);
        let first = redis::endpoint(ports().next().unwrap_or_default(), &self.password);
        RedisEndpoint { more: ports().skip(1).map(redis::address).collect(), ..first }
    }

    /// The number of the node that keeps a slot, as one that lives says; none while none does.
    pub(crate) fn keeper(&self, slot: u16) -> anyhow::Result<Option<usize>> {
        let asked = (0..self.nodes.len()).find(|number| !self.killed.contains(number));
        let asked = self.node(asked.context("no node of the private cluster lives")?)?;
        let nodes: String = asked
            .ask(::redis::cmd("CLUSTER").arg("NODES"))
            .context("a node of the private cluster does not say which others it knows")?;
        let port = cluster::keeper_of(slot, &nodes);
        Ok(self.nodes.iter().position(|up| Some(up.port) == port))
    }

    /// Ends a node immediately.
    pub(crate) fn kill(&mut self, number: usize) -> anyhow::Result<()> {
        let node = self.nodes.get_mut(number).context("the private cluster has no such node")?;
        node.server.kill().context("cannot kill a node of the private cluster")?;
        self.killed.push(number);
        Ok(())
    }

    /// From now on both nodes are asked for the keys of this slot.
    pub(crate) fn begin_move(&self, slot: u16, from: usize, to: usize) -> anyhow::Result<()> {
        let (from, to) = (self.node(from)?, self.node(to)?);
        set_slot(to, slot, "IMPORTING", &from.id()?)?;
        set_slot(from, slot, "MIGRATING", &to.id()?)?;
        Ok(())
    }

    /// Moves the keys of the slot, and the slot itself.
    pub(crate) fn end_move(&self, slot: u16, from: usize, to: usize) -> anyhow::Result<()> {
        let (from, to) = (self.node(from)?, self.node(to)?);
        loop {
            let keys: Vec<Vec<u8>> =
                from.ask(::redis::cmd("CLUSTER").arg("GETKEYSINSLOT").arg(slot).arg(KEYS_AT_ONCE))?;
            if keys.is_empty() {
                break;
            }
            let mut migrate = ::redis::cmd("MIGRATE");
            migrate.arg("127.0.0.1").arg(to.port).arg("").arg(0).arg(MIGRATE_MS);
            // After a MIGRATE that failed, a key may be on both nodes: this one's is the right one.
            migrate.arg("REPLACE").arg("AUTH").arg(self.password.reveal()).arg("KEYS").arg(keys);
            from.ask::<()>(&migrate).context("cannot move keys of the private cluster")?;
        }
        let id = to.id()?;
        set_slot(to, slot, "NODE", &id)?;
        set_slot(from, slot, "NODE", &id)?;
        Ok(())
    }

    fn node(&self, number: usize) -> anyhow::Result<Node<'_>> {
        match self.nodes.get(number) {
            Some(up) => Ok(Node { port: up.port, password: &self.password }),
            None => bail!("the private cluster has no such node"),
        }
    }
}

fn set_slot(node: Node<'_>, slot: u16, state: &str, id: &str) -> anyhow::Result<()> {
    node.ask::<()>(::redis::cmd("CLUSTER").arg("SETSLOT").arg(slot).arg(state).arg(id))
        .context("cannot move a slot of the private cluster")
}

impl Drop for OwnCluster {
    fn drop(&mut self) {
        let mut servers: Vec<Server> = self.nodes.drain(..).map(|up| up.server).collect();
        // What remains is found by the next command on the sandbox's folder.
        let _ = child::stop_all(&mut servers);
    }
}
