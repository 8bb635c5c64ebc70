//! What `bench` and `demo` ask to have measured.

use std::time::Duration;

use crate::cli::{AmountArgs, Codec, Cores, ReadPath, Workload};
use crate::measure::affinity;
use crate::measure::awake::Awake;
use crate::measure::dealing::Dealing;
use crate::measure::plan::{Amount, BlockKind};
use crate::paths::lane::Lane;
use crate::stats::distance::Distance;

/// What is to be measured.
pub(super) struct Request {
    pub(super) amount: Amount,
    pub(super) clients: u16,
    pub(super) workloads: Vec<Workload>,
    pub(super) paths: Vec<ReadPath>,
    /// Measured side by side. Empty: the fastest for the workload.
    pub(super) codecs: Vec<Codec>,
    /// Measure also with so many percent of the entries there.
    pub(super) verify_hit_percent: Option<u8>,
    /// Compute the results also for this distance.
    pub(super) distance: Option<Distance>,
    pub(super) cores: Cores,
    pub(super) ttl: Duration,
    /// At most so many percent of each connection's time go to queries of the user's own; none for no limit.
    pub(super) share: Option<u8>,
    pub(super) rng_seed: u64,
    /// Begin to read then, together with other load generators, and read for the whole time.
    pub(super) start_at: Option<jiff::Timestamp>,
}

/// What was typed of it.
pub(super) fn amount(arguments: &AmountArgs) -> Amount {
    arguments.iterations.map_or(Amount::Time(arguments.time), Amount::Reads)
}

impl Request {
    pub(super) fn reads_from_disk(&self) -> bool {
        self.paths.contains(&ReadPath::Disk)
    }

    /// How the clients go over the cores, if they do.
    pub(super) fn dealing(&self) -> Option<Dealing> {
        match self.cores {
            Cores::Steady => Dealing::new(&affinity::allowed_cores(), u64::from(self.clients), self.rng_seed),
            Cores::Free => None,
        }
    }

    /// Keeps the cores awake, where that is asked for and allowed.
    pub(super) fn awake(&self) -> Option<Awake> {
        (self.cores == Cores::Steady).then(Awake::hold).flatten()
    }

    /// What every round reads.
    pub(super) fn blocks(&self, codecs: &[Codec]) -> Vec<BlockKind> {
        let lanes = Lane::all(&self.paths, codecs).into_iter().map(BlockKind::Lane);
        let verified = self.verify_hit_percent.into_iter().flat_map(|percent| {
            codecs.iter().map(move |codec| BlockKind::AtHitRatio { percent, codec: *codec })
        });
        lanes.chain(verified).collect()
    }
}
