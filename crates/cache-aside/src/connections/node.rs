//! One server: its connections, and whether it is asked at all.

use std::ops::Deref;
use std::sync::Arc;

use crate::breaker::Breaker;
use crate::endpoint::RedisEndpoint;
use crate::ledger::Ledger;
use crate::options::Options;
use crate::pool::Pool;

pub(crate) struct Node {
    pub(crate) pool: Pool,
    pub(crate) breaker: Breaker,
}

impl Node {
    /// Opens nothing yet.
    pub(super) fn new(endpoint: RedisEndpoint, options: &Options, ledger: Ledger) -> Self {
        Self { pool: Pool::new(endpoint, options, ledger), breaker: Breaker::new(options) }
    }
}

/// A server for the time of a command. The only one is borrowed; a node of a cluster may leave the
/// cluster meanwhile.
pub(crate) enum NodeRef<'a> {
    Only(&'a Node),
    OfCluster(Arc<Node>),
}

impl Deref for NodeRef<'_> {
    type Target = Node;

    #[inline]
    fn deref(&self) -> &Node {
        match self {
            Self::Only(node) => node,
            Self::OfCluster(node) => node,
        }
    }
}
