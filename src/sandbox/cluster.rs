//! Private Redis Clusters: three primaries, with replicas if they are wanted. The first node of a
//! kept one is the sandbox's Redis.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde::Serialize;

use super::child::Life;
use super::folder::Folder;
use super::launch::{Plan, bring_up};
use super::redis::{self, RedisPlan, Role};
use super::{Up, programs};
use crate::interrupt;
use crate::secret::Secret;
use crate::units::counted;

pub(super) const PRIMARIES: usize = 3;
/// The most replicas that each primary can have.
pub(crate) const MOST_REPLICAS: u8 = 2;
/// The names of the files of a kept cluster's nodes beside the first: the primaries, then a replica
/// of each, and so on.
const MORE_NODES: [&str; 8] =
    ["redis-2", "redis-3", "redis-4", "redis-5", "redis-6", "redis-7", "redis-8", "redis-9"];
/// A node of a kept cluster. Shorter than Redis' default of 15 s, so that a failover can be waited
/// for; longer than a busy machine keeps a node waiting.
pub(super) const KEPT: Role = Role::Node { timeout: Duration::from_secs(5) };

const SLOTS: u16 = 16_384;
const DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(20);

/// The size of a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Size {
    /// The nodes that keep keys.
    primaries: u8,
    /// The replicas of each of them.
    pub(crate) replicas: u8,
}

impl Size {
    pub(crate) fn with_replicas(replicas: u8) -> Self {
        Self { primaries: 3, replicas }
    }

    /// The size of a cluster of so many nodes.
    pub(super) fn of_nodes(nodes: usize) -> Self {
        let replicas = (nodes / PRIMARIES).saturating_sub(1);
        Self::with_replicas(u8::try_from(replicas).unwrap_or(MOST_REPLICAS))
    }

    fn nodes(self) -> usize {
        PRIMARIES * (1 + usize::from(self.replicas))
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a cluster of {} primaries", self.primaries)?;
        match self.replicas {
            0 => f.write_str(" without replicas"),
            replicas => write!(f, " with {} each", counted(u64::from(replicas), "replica", "replicas")),
        }
    }
}

/// Starts the other nodes and makes a cluster of them and the first. On an error none of the others
/// is left.
pub(super) fn complete(folder: &Folder, first: &Up, size: Size) -> anyhow::Result<Vec<Up>> {
    let names = MORE_NODES.get(..size.nodes() - 1).context("a cluster cannot have so many replicas")?;
    let more = start_nodes(folder, names, KEPT, Life::Kept, &first.password)?;
    let ports: Vec<u16> = [first].into_iter().chain(&more).map(|up| up.port).collect();
    join(&ports, &first.password).context("cannot make a cluster of the sandbox's Redis servers")?;
    Ok(more)
}

/// Starts nodes that do not know of each other yet. On an error none is left.
pub(super) fn start_nodes(
    folder: &Folder,
    names: &[&'static str],
    role: Role,
    life: Life,
    password: &Secret,
) -> anyhow::Result<Vec<Up>> {
    let program = programs::find(&programs::REDIS)?;
    let sockets = folder.make_socket_folder()?;
    for name in names {
        // What a node of an earlier cluster knew.
        for old in [redis::nodes_file(name), redis::dump_file(name)] {
            let _ = std::fs::remove_file(folder.scratch().join(old));
        }
    }
    let plan = |name: &&'static str| RedisPlan {
        program: &program,
        folder,
        name,
        role,
        socket: sockets.join(format!("{name}.sock")),
        password: password.clone(),
        life,
    };
    let plans: Vec<RedisPlan<'_>> = names.iter().map(plan).collect();
    let launched = bring_up(&plans.iter().map(|plan| plan as &dyn Plan).collect::<Vec<_>>())?;
    let up = launched.into_iter().zip(plans).map(|(up, plan)| Up {
        server: up.server,
        release: program.release.clone(),
        port: up.port,
        socket: plan.socket,
        password: plan.password,
    });
    Ok(up.collect())
}

/// Gives each primary its share of the slots and each replica its primary, and waits until every
/// node knows that all slots are served.
pub(super) fn join(ports: &[u16], password: &Secret) -> anyhow::Result<()> {
    let nodes: Vec<Node<'_>> = ports.iter().map(|port| Node { port: *port, password }).collect();
    let (primaries, replicas) = nodes.split_at_checked(PRIMARIES).context("a cluster needs three nodes")?;
    for (node, slots) in primaries.iter().zip(shares()) {
        node.ask::<()>(::redis::cmd("CLUSTER").arg("ADDSLOTS").arg(slots))?;
    }
    for (number, node) in nodes.iter().enumerate() {
        node.ask::<()>(::redis::cmd("CLUSTER").arg("SET-CONFIG-EPOCH").arg(number + 1))?;
    }
    let [first, others @ ..] = &nodes[..] else { return Ok(()) };
    for other in others {
        first.ask::<()>(::redis::cmd("CLUSTER").arg("MEET").arg("127.0.0.1").arg(other.port))?;
    }
    let all_known = format!("cluster_known_nodes:{}\r", nodes.len());
    for node in &nodes {
        until("its nodes do not find each other", || Ok(node.cluster_info()?.contains(&all_known)))?;
    }
    for (replica, primary) in replicas.iter().zip(primaries.iter().cycle()) {
        until("a replica does not find its primary", || replica.follow(primary))?;
    }
    for node in &nodes {
        until("its nodes do not serve all slots", || node.sees_all())?;
    }
    Ok(())
}

/// The slots of each primary.
fn shares() -> Vec<Vec<u16>> {
    let all: Vec<u16> = (0..SLOTS).collect();
    all.chunks(all.len().div_ceil(PRIMARIES)).map(<[u16]>::to_vec).collect()
}

/// A node to which connections are opened when something is asked.
#[derive(Clone, Copy)]
pub(super) struct Node<'a> {
    pub(super) port: u16,
    pub(super) password: &'a Secret,
}

impl Node<'_> {
    pub(super) fn ask<T: ::redis::FromRedisValue>(&self, command: &::redis::Cmd) -> ::redis::RedisResult<T> {
        command.query(&mut redis::connect(self.port, self.password)?)
    }

    pub(super) fn id(&self) -> ::redis::RedisResult<String> {
        self.ask(::redis::cmd("CLUSTER").arg("MYID"))
    }

    fn cluster_info(&self) -> ::redis::RedisResult<String> {
        self.ask(::redis::cmd("CLUSTER").arg("INFO"))
    }

    fn follow(&self, primary: &Node<'_>) -> ::redis::RedisResult<bool> {
        self.ask::<()>(::redis::cmd("CLUSTER").arg("REPLICATE").arg(primary.id()?))?;
        Ok(true)
    }

    /// Whether it knows that all slots are served, and has all that its primary has.
    fn sees_all(&self) -> ::redis::RedisResult<bool> {
        let cluster = self.cluster_info()?;
        let replication: String = self.ask(::redis::cmd("INFO").arg("replication"))?;
        let is_served = ["cluster_state:ok\r", "cluster_size:3\r", "cluster_slots_ok:16384\r"]
            .iter()
            .all(|field| cluster.contains(field));
        Ok(is_served && !replication.contains("master_link_status:down"))
    }
}

/// Tries until it is so.
fn until(trouble: &str, mut is_so: impl FnMut() -> ::redis::RedisResult<bool>) -> anyhow::Result<()> {
    let give_up_at = Instant::now() + DEADLINE;
    loop {
        let answer = is_so();
        if let Ok(true) = answer {
            return Ok(());
        }
        interrupt::check()?;
        if Instant::now() >= give_up_at {
            let words = answer.err().map(|error| format!(": {error}")).unwrap_or_default();
            bail!("{trouble} within {} s{words}", DEADLINE.as_secs());
        }
        std::thread::sleep(POLL);
    }
}

/// The port of the node that keeps a slot, by the reply of `CLUSTER NODES`; none while no node that
/// lives does.
pub(super) fn keeper_of(slot: u16, nodes: &str) -> Option<u16> {
    nodes.lines().find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let [_, address, flags, _, _, _, _, _, slots @ ..] = &fields[..] else { return None };
        let flags: Vec<&str> = flags.split(',').collect();
        if !flags.contains(&"master") || flags.contains(&"fail") {
            return None;
        }
        let keeps = slots.iter().filter_map(|range| slots_of(range)).any(|range| range.contains(&slot));
        let (address, _) = address.split_once('@')?;
        address.rsplit_once(':').filter(|_| keeps)?.1.parse().ok()
    })
}

/// A range of slots; none if it says that a slot is on its way.
fn slots_of(range: &str) -> Option<std::ops::RangeInclusive<u16>> {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    Some(first.parse().ok()?..=last.parse().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_slot_belongs_to_one_primary() {
        let shares = shares();
        assert_eq!(shares.len(), PRIMARIES);
        assert_eq!(shares.concat(), (0..SLOTS).collect::<Vec<_>>());
    }

    #[test]
    fn a_size_is_known_by_its_nodes_and_said_in_words() {
        for (replicas, nodes, words) in [
            (0, 3, "a cluster of 3 primaries without replicas"),
            (1, 6, "a cluster of 3 primaries with 1 replica each"),
            (2, 9, "a cluster of 3 primaries with 2 replicas each"),
        ] {
            let size = Size::with_replicas(replicas);
            assert_eq!((size.nodes(), Size::of_nodes(nodes)), (nodes, size));
            assert_eq!(size.to_string(), words);
        }
        assert_eq!(MORE_NODES.len() + 1, Size::with_replicas(MOST_REPLICAS).nodes());
    }

    #[test]
    fn the_keeper_of_a_slot_is_a_primary_that_lives() {
        let nodes = "\
            a1 127.0.0.1:7001@17001 master,fail - 1 2 1 disconnected 0-5460\n\
            b2 127.0.0.1:7002@17002,host,shard-id=x myself,master - 0 0 2 connected 5461-10922 16000 [77->-c3]\n\
            c3 127.0.0.1:7003@17003 master,fail? - 1 2 3 connected 10923-15999\n\
            d4 127.0.0.1:7004@17004 slave c3 0 1 3 connected\n";
        let keeper = |slot| keeper_of(slot, nodes);
        assert_eq!((keeper(0), keeper(5461), keeper(16_000)), (None, Some(7002), Some(7002)));
        assert_eq!((keeper(15_999), keeper(16_001), keeper(77)), (Some(7003), None, None));
        let replaced = nodes.replace("slave c3", "master -").replace("3 connected\n", "4 connected 0-5460\n");
        assert_eq!(keeper_of(77, &replaced), Some(7004));
        assert_eq!(keeper_of(0, "nonsense\n\n"), None);
    }
}
