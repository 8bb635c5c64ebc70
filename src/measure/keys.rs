//! Which cache keys a workload has, and how its reads go over them: a pure function of the data
//! set.

use std::ops::RangeInclusive;

use crate::paths::query::{About, Workload};
use crate::users::DataSet;

/// Reads of one client in one block, where clients share a queue on average: long enough that going
/// from path to path does not count, nor that many clients are not all woken at once (of 8 on 2
/// cores 7.6 were at work with blocks of 25 reads each, 7.8 with 100 to 200, 7.97 with 1,000),
/// short enough that the machine is the same for all paths of a round.
const POINT_BLOCK: u64 = 1_000;
const PAGE_BLOCK: u64 = 500;
/// The same where clients are moved over the cores: few clients, which are sooner all at work, and
/// many rounds say more than long ones.
const DEALT_BLOCK: u64 = 50;

/// The keys of one workload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keys {
    /// One for each client, which reads it once a block: a read takes long.
    OneAClient,
    /// Numbered from 1 on, read in a shuffled order, that many by each client in a block.
    Numbered { keys: u32, block: u64 },
}

impl Keys {
    pub(crate) fn of(workload: Workload, data: DataSet, is_dealt: bool) -> Self {
        let About { keys, rows, .. } = workload.about();
        let free = if rows > 1 { PAGE_BLOCK } else { POINT_BLOCK };
        keys.map_or(Self::OneAClient, |keys| Self::Numbered {
            keys: keys(data),
            block: if is_dealt { DEALT_BLOCK } else { free },
        })
    }
}

impl Keys {
    /// Those of a query of one's own with this many sets of parameters. Clients that have no set
    /// each read the sets under keys of their own.
    pub(crate) fn of_sets(sets: u32, clients: u64, is_dealt: bool) -> Self {
        if sets < 2 || u64::from(sets) < clients {
            return Self::OneAClient;
        }
        Self::Numbered { keys: sets, block: if is_dealt { DEALT_BLOCK } else { POINT_BLOCK } }
    }
}

impl Keys {
    /// The items that are read by this many clients.
    pub(super) fn items(self, clients: u64) -> RangeInclusive<u32> {
        match self {
            Self::OneAClient => 0..=u32::try_from(clients.saturating_sub(1)).unwrap_or(u32::MAX),
            Self::Numbered { keys, .. } => 1..=keys,
        }
    }
}

/// The most clients that can read a workload at the same time, each another key; none where each
/// has its own.
pub(crate) fn most_clients(workload: Workload, data: DataSet) -> Option<u32> {
    match Keys::of(workload, data, false) {
        Keys::OneAClient => None,
        Keys::Numbered { keys, .. } => Some(keys),
    }
}
