//! The seam between the protocol and the servers: what is above it knows "the server that keeps
//! this key" and no more.
//!
//! There is one server, until a node says that it is one of a cluster. From then on a key's slot
//! says which node keeps it. Each node has a pool and a breaker of its own: one that is gone
//! disturbs no other.

#[cfg(test)]
#[cfg(feature = "json")]
mod cluster_tests;
mod learner;
mod node;
#[cfg(test)]
#[cfg(feature = "json")]
mod sentinel_tests;
mod topology;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub(crate) use self::node::{Node, NodeRef};
use self::topology::Topology;
use super::cluster::redirect::Redirect;
use super::cluster::slot;
use super::core::Retry;
use super::key::{Key, prefix_of};
use super::ledger::Ledger;
use super::options::Options;
use super::wire::WireError;
use crate::endpoint::RedisEndpoint;

/// After a node said that a slot has moved, the map is learned anew if it is older than this: the
/// slot itself is known.
const AFTER_MOVE: Duration = Duration::from_secs(1);
/// After a node failed, the map is learned anew if it is older than this.
const AFTER_FAILURE: Duration = Duration::from_millis(100);
/// The time for which a slot that is on its way rests before it is asked again.
const TRY_AGAIN_AFTER: Duration = Duration::from_millis(5);

pub(crate) struct Connections {
    topology: Arc<Topology>,
    /// The beginning of all names of keys.
    prefix: String,
    redirects: AtomicU64,
}

/// The target of a command.
pub(crate) struct Route<'a> {
    pub(crate) node: NodeRef<'a>,
    /// The key's slot is still on its way there.
    pub(crate) is_asking: bool,
}

/// The waits that finding other servers may take: one of each kind in a round, for all keys.
pub(crate) struct Waits {
    for_map: bool,
    for_slot: bool,
}

impl Default for Waits {
    fn default() -> Self {
        Self { for_map: true, for_slot: true }
    }
}

impl<'a> Route<'a> {
    fn to(node: NodeRef<'a>) -> Self {
        Self { node, is_asking: false }
    }
}

impl Connections {
    /// Opens nothing yet.
    pub(crate) fn new(endpoint: RedisEndpoint, options: &Options, ledger: Ledger) -> Self {
        let prefix = prefix_of(&options.namespace);
        let topology = Arc::new(Topology::new(endpoint, options.clone(), ledger));
        Self { topology, prefix, redirects: AtomicU64::new(0) }
    }

    /// The server that keeps this key.
    #[inline]
    pub(crate) fn for_key(&self, key: &Key) -> NodeRef<'_> {
        if self.topology.is_cluster() {
            NodeRef::OfCluster(self.topology.node_of(self.slot(key)))
        } else {
            NodeRef::Only(self.topology.first())
        }
    }

    /// The server that keeps this slot.
    pub(crate) fn for_slot(&self, slot: u16) -> NodeRef<'_> {
        if self.topology.is_cluster() {
            NodeRef::OfCluster(self.topology.node_of(slot))
        } else {
            NodeRef::Only(self.topology.first())
        }
    }

    pub(crate) fn slot(&self, key: &Key) -> u16 {
        slot::of(self.prefix.bytes().chain(key.as_bytes().iter().copied()))
    }

    /// A name that begins so and that this server keeps. None if it keeps none, as in a namespace
    /// with a hash tag.
    pub(crate) fn name_on(&self, node: &Node, start: &[u8]) -> Option<Vec<u8>> {
        /// A node of a cluster that keeps a single slot keeps one name in 16,384.
        const MOST_DRAWN: usize = 500_000;
        let mut name = [self.prefix.as_bytes(), start].concat();
        let before_number = name.len();
        let is_there =
            |name: &[u8]| std::ptr::eq::<Node>(&*self.for_slot(slot::of(name.iter().copied())), node);
        let mut numbers = 1..MOST_DRAWN;
        while !is_there(&name) {
            let number = numbers.next()?;
            name.truncate(before_number);
            name.extend_from_slice(format!("-{number}").as_bytes());
        }
        Some(name)
    }

    /// Whether the server may be a node of a cluster, for all that is known.
    pub(crate) fn may_be_cluster(&self) -> bool {
        self.topology.may_be_cluster()
    }

    pub(crate) fn is_cluster(&self) -> bool {
        self.topology.is_cluster()
    }

    /// The numbers of the keys, sorted by the server that keeps them.
    pub(crate) fn by_server(&self, keys: &[&Key]) -> Vec<(Route<'_>, Vec<usize>)> {
        let mut groups = Groups::default();
        for (number, key) in keys.iter().enumerate() {
            groups.add(Route::to(self.for_key(key)), number);
        }
        groups.0
    }

    /// All servers that keep keys.
    pub(crate) fn primaries(&self) -> Vec<Arc<Node>> {
        self.topology.primaries()
    }

    /// All servers to which there may be connections.
    pub(crate) fn all(&self) -> Vec<Arc<Node>> {
        self.topology.all()
    }

    /// Learns whether this is a cluster, and its map, and waits for it.
    pub(crate) fn refresh(&self) {
        if self.topology.may_be_cluster() {
            self.topology.learn_now(Duration::ZERO);
        }
    }

    /// Connections opened, and times that breakers opened, over all servers so far.
    pub(crate) fn totals(&self) -> (u64, u64) {
        self.topology.totals()
    }

    /// The number of times that a node named another one.
    pub(crate) fn redirects(&self) -> u64 {
        self.redirects.load(Ordering::Relaxed)
    }

    /// Whether another server may do what this one did not.
    #[inline]
    pub(crate) fn may_reroute(&self, error: &WireError) -> bool {
        match error {
            WireError::Server(_) => {
                error.is_redirect() || (is_replica(error) && self.topology.may_be_cluster())
            }
            WireError::Io(_) => !error.is_busy() && (self.is_cluster() || self.topology.has_seeds()),
            WireError::NotOpened(_) | WireError::Protocol(_) => false,
        }
    }

    /// The server that a command goes to after it failed on this node; none if no other may do it
    /// now. Learns from what the node said.
    pub(crate) fn reroute(
        &self,
        slot: u16,
        node: &Node,
        error: &WireError,
        retry: Retry,
        waits: &mut Waits,
    ) -> Option<Route<'_>> {
        let topology = &self.topology;
        match Redirect::read(error, &node.pool.endpoint().address) {
            Some(Redirect::Moved { slot, to }) => {
                self.count_redirect(node);
                let node = topology.moved(slot, to);
                topology.learn_soon(AFTER_MOVE);
                Some(Route::to(NodeRef::OfCluster(node)))
            }
            Some(Redirect::Ask { to }) => {
                self.count_redirect(node);
                topology.learn_if_new();
                Some(Route { node: NodeRef::OfCluster(topology.node_at(to)), is_asking: true })
            }
            Some(Redirect::TryAgain) => {
                if std::mem::take(&mut waits.for_slot) {
                    std::thread::sleep(TRY_AGAIN_AFTER);
                }
                Some(Route::to(self.for_slot(slot)))
            }
            Some(Redirect::Down) => {
                topology.learn_soon(AFTER_FAILURE);
                None
            }
            // A redirection that makes no sense, or to a node without a known address.
            None if error.is_redirect() => {
                topology.learn_soon(AFTER_MOVE);
                None
            }
            None => {
                // What was lost may have been done, and what was refused was not.
                let may_repeat = retry == Retry::Harmless || matches!(error, WireError::Server(_));
                if !may_repeat {
                    topology.learn_soon(AFTER_FAILURE);
                    return None;
                }
                if std::mem::take(&mut waits.for_map) {
                    topology.learn_now(AFTER_FAILURE);
                }
                let other = self.for_slot(slot);
                (!std::ptr::eq::<Node>(&*other, node)).then(|| Route::to(other))
            }
        }
    }

    /// The reply of a node to a command that is not sent again.
    #[cold]
    pub(crate) fn heed(&self, node: &Node, error: &WireError) {
        if let Some(Redirect::Moved { slot, to }) = Redirect::read(error, &node.pool.endpoint().address) {
            self.count_redirect(node);
            self.topology.moved(slot, to);
            self.topology.learn_soon(AFTER_MOVE);
        }
    }

    /// A node did not answer, so another one may have taken its place.
    pub(crate) fn failed(&self) {
        if self.topology.is_cluster() {
            self.topology.learn_soon(AFTER_FAILURE);
        }
    }

    fn count_redirect(&self, node: &Node) {
        node.pool.server().redirects();
        self.redirects.fetch_add(1, Ordering::Relaxed);
    }
}

/// Numbers by the route that they take.
#[derive(Default)]
pub(crate) struct Groups<'a>(pub(crate) Vec<(Route<'a>, Vec<usize>)>);

impl<'a> Groups<'a> {
    pub(crate) fn add(&mut self, route: Route<'a>, number: usize) {
        let is_same = |other: &Route<'_>| {
            std::ptr::eq::<Node>(&*other.node, &*route.node) && other.is_asking == route.is_asking
        };
        match self.0.iter_mut().find(|(other, _)| is_same(other)) {
            Some((_, numbers)) => numbers.push(number),
            None => self.0.push((route, vec![number])),
        }
    }
}

/// Whether the server says that it is a replica.
pub(crate) fn is_replica(error: &WireError) -> bool {
    matches!(error.server_code(), Some("READONLY" | "MASTERDOWN"))
}
