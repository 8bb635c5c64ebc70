//! The seam between the protocol and the servers: what is above it knows "the connection for this key" and no more.
//!
//! There is one server today, and so one pool. A cluster would keep a pool for each of its nodes here.

use super::key::Key;
use super::ledger::Ledger;
use super::options::Options;
use super::pool::Pool;
use crate::endpoint::RedisEndpoint;

pub(crate) struct Connections {
    pool: Pool,
}

impl Connections {
    /// Opens nothing yet.
    pub(crate) fn new(endpoint: RedisEndpoint, options: &Options, ledger: Ledger) -> Self {
        Self { pool: Pool::new(endpoint, options, ledger) }
    }

    /// The connections to the server that keeps this key.
    #[inline]
    pub(crate) fn for_key(&self, _key: &Key) -> &Pool {
        &self.pool
    }

    /// The keys, sorted by the server that keeps them.
    pub(crate) fn by_server<'k>(&self, keys: &[&'k Key]) -> Vec<(&Pool, Vec<&'k Key>)> {
        if keys.is_empty() { Vec::new() } else { vec![(&self.pool, keys.to_vec())] }
    }

    /// The numbers of the keys, sorted by the server that keeps them.
    pub(crate) fn numbers_by_server(&self, keys: &[&Key]) -> Vec<(&Pool, Vec<usize>)> {
        if keys.is_empty() { Vec::new() } else { vec![(&self.pool, (0..keys.len()).collect())] }
    }

    /// All servers.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Pool> {
        std::iter::once(&self.pool)
    }
}
