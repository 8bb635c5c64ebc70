//! Which node keeps which slot, as far as is known.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::learner::Learner;
use super::node::Node;
use crate::cluster::{Layout, SLOTS};
use crate::endpoint::{Address, RedisEndpoint};
use crate::ledger::Ledger;
use crate::options::Options;

/// More addresses than that are not asked in one go.
const MOST_ASKED: usize = 32;

pub(super) struct Topology {
    /// The seeds, and the account on all nodes.
    pub(super) endpoint: RedisEndpoint,
    pub(super) options: Options,
    pub(super) learner: Learner,
    ledger: Ledger,
    /// The server that the URL names first.
    first: Arc<Node>,
    is_cluster: AtomicBool,
    /// It has said that it is none.
    is_none: AtomicBool,
    map: RwLock<Map>,
    /// The counts of nodes that have left.
    connections_opened: AtomicU64,
    breakers_opened: AtomicU64,
}

#[derive(Default)]
struct Map {
    /// The number of the node that keeps the slot.
    slots: Vec<u16>,
    nodes: Vec<Arc<Node>>,
    /// They know the map too.
    replicas: Vec<Address>,
}

impl Map {
    fn find(&self, address: &Address) -> Option<&Arc<Node>> {
        self.nodes.iter().find(|node| node.pool.endpoint().address == *address)
    }
}

impl Topology {
    pub(super) fn new(endpoint: RedisEndpoint, options: Options, ledger: Ledger) -> Self {
        Self {
            first: Arc::new(Node::new(endpoint.at_first(), &options, ledger.clone())),
            endpoint,
            options,
            learner: Learner::default(),
            ledger,
            is_cluster: AtomicBool::new(false),
            is_none: AtomicBool::new(false),
            map: RwLock::default(),
            connections_opened: AtomicU64::new(0),
            breakers_opened: AtomicU64::new(0),
        }
    }

    pub(super) fn first(&self) -> &Node {
        &self.first
    }

    #[inline]
    pub(super) fn is_cluster(&self) -> bool {
        self.is_cluster.load(Ordering::Acquire)
    }

    /// Whether it could be one, for all that is known.
    pub(super) fn may_be_cluster(&self) -> bool {
        self.endpoint.sentinel.is_none() && !self.is_none.load(Ordering::Relaxed)
    }

    /// The server has said that it is no node of a cluster.
    pub(super) fn is_no_cluster(&self) {
        self.is_none.store(true, Ordering::Relaxed);
    }

    pub(super) fn has_seeds(&self) -> bool {
        self.endpoint.sentinel.is_none() && !self.endpoint.more.is_empty()
    }

    pub(super) fn node_of(&self, slot: u16) -> Arc<Node> {
        let map = self.read();
        let number = map.slots.get(usize::from(slot)).copied().unwrap_or_default();
        Arc::clone(map.nodes.get(usize::from(number)).unwrap_or(&self.first))
    }

    pub(super) fn node_at(&self, address: Address) -> Arc<Node> {
        if let Some(node) = self.read().find(&address) {
            return Arc::clone(node);
        }
        let mut map = self.write();
        let number = self.number(&mut map, address);
        map.nodes.get(number).map_or_else(|| Arc::clone(&self.first), Arc::clone)
    }

    /// The slot is another node's from now on. Until more is known, all others are where they were.
    pub(super) fn moved(&self, slot: u16, to: Address) -> Arc<Node> {
        let mut map = self.write();
        if map.slots.is_empty() {
            map.nodes = vec![Arc::clone(&self.first)];
            map.slots = vec![0; usize::from(SLOTS)];
        }
        let number = self.number(&mut map, to);
        if let (Some(place), Ok(number)) = (map.slots.get_mut(usize::from(slot)), u16::try_from(number)) {
            *place = number;
        }
        self.is_cluster.store(true, Ordering::Release);
        map.nodes.get(number).map_or_else(|| Arc::clone(&self.first), Arc::clone)
    }

    /// The number of the node with this address, which is added if it is new.
    fn number(&self, map: &mut Map, address: Address) -> usize {
        let known = map.nodes.iter().position(|node| node.pool.endpoint().address == address);
        known.unwrap_or_else(|| {
            map.nodes.push(self.node(address));
            map.nodes.len() - 1
        })
    }

    fn node(&self, address: Address) -> Arc<Node> {
        if self.first.pool.endpoint().address == address && self.endpoint.sentinel.is_none() {
            self.first.pool.stop_asking_role();
            return Arc::clone(&self.first);
        }
        let node = Node::new(self.endpoint.at(address), &self.options, self.ledger.clone());
        node.pool.stop_asking_role();
        Arc::new(node)
    }

    /// Takes over what a node said of the whole cluster.
    pub(super) fn learned(&self, layout: Layout) {
        let mut map = self.write();
        let nodes: Vec<Arc<Node>> = layout
            .primaries
            .into_iter()
            .map(|address| map.find(&address).map_or_else(|| self.node(address.clone()), Arc::clone))
            .collect();
        let mut slots = vec![0; usize::from(SLOTS)];
        for (first, last, number) in layout.ranges {
            let range = slots.get_mut(usize::from(first)..=usize::from(last)).unwrap_or_default();
            range.fill(u16::try_from(number).unwrap_or_default());
        }
        let left = std::mem::replace(&mut map.nodes, nodes);
        (map.slots, map.replicas) = (slots, layout.replicas);
        let is_kept = |node: &Arc<Node>| map.nodes.iter().any(|kept| Arc::ptr_eq(kept, node));
        let left: Vec<Arc<Node>> =
            left.into_iter().chain([Arc::clone(&self.first)]).filter(|node| !is_kept(node)).collect();
        for node in left.iter().filter(|node| !Arc::ptr_eq(node, &self.first)) {
            self.connections_opened.fetch_add(node.pool.opened(), Ordering::Relaxed);
            self.breakers_opened.fetch_add(node.breaker.opened(), Ordering::Relaxed);
        }
        self.is_cluster.store(true, Ordering::Release);
        drop(map);
        // Closed outside the lock.
        left.iter().for_each(|node| node.pool.retire_all());
    }

    /// Those that keep slots.
    pub(super) fn primaries(&self) -> Vec<Arc<Node>> {
        if !self.is_cluster() {
            return vec![Arc::clone(&self.first)];
        }
        let map = self.read();
        let mut keeps = vec![false; map.nodes.len()];
        for number in &map.slots {
            if let Some(keeps) = keeps.get_mut(usize::from(*number)) {
                *keeps = true;
            }
        }
        map.nodes.iter().zip(keeps).filter(|(_, keeps)| *keeps).map(|(node, _)| Arc::clone(node)).collect()
    }

    pub(super) fn all(&self) -> Vec<Arc<Node>> {
        let mut all = vec![Arc::clone(&self.first)];
        if self.is_cluster() {
            all.extend(
                self.read().nodes.iter().filter(|node| !Arc::ptr_eq(node, &self.first)).map(Arc::clone),
            );
        }
        all
    }

    pub(super) fn totals(&self) -> (u64, u64) {
        let (connections, breakers) = (&self.connections_opened, &self.breakers_opened);
        let left = (connections.load(Ordering::Relaxed), breakers.load(Ordering::Relaxed));
        self.all().iter().fold(left, |(connections, breakers), node| {
            (connections + node.pool.opened(), breakers + node.breaker.opened())
        })
    }

    /// Who may know the map: first those that answered lately.
    pub(super) fn candidates(&self) -> Vec<Address> {
        let map = self.read();
        let (calm, failed): (Vec<&Arc<Node>>, Vec<_>) =
            map.nodes.iter().partition(|node| node.breaker.is_calm());
        let address = |node: &Arc<Node>| node.pool.endpoint().address.clone();
        let seeds = [&self.endpoint.address].into_iter().chain(&self.endpoint.more).cloned();
        let all = calm.into_iter().map(address).chain(map.replicas.iter().cloned()).chain(seeds);
        let mut candidates: Vec<Address> = Vec::new();
        for address in all.chain(failed.into_iter().map(address)) {
            if !candidates.contains(&address) {
                candidates.push(address);
            }
        }
        candidates.truncate(MOST_ASKED);
        candidates
    }

    // No thread panics while it holds it, so a poisoned lock guards a whole map.
    fn read(&self) -> RwLockReadGuard<'_, Map> {
        self.map.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Map> {
        self.map.write().unwrap_or_else(PoisonError::into_inner)
    }
}
