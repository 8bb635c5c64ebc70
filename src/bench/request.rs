//! The request of `bench` and `demo`.

use std::time::Duration;

use crate::assertion::Assertion;
use crate::measure::affinity;
use crate::measure::core_rotation::CoreRotation;
use crate::measure::cpu_latency::Awake;
use crate::measure::plan::Amount;
use crate::model::series::{BlockKind, Series};
use crate::model::{Codec, Cores, ReadPath};
use crate::paths::query::Workload;
use crate::stats::distance::Distance;

/// The reads to measure, and how much of them.
pub(crate) struct Request {
    pub(crate) amount: Amount,
    pub(crate) clients: u16,
    pub(crate) workloads: Vec<Workload>,
    pub(crate) paths: Vec<ReadPath>,
    /// Measured side by side. Empty: the fastest for the workload.
    pub(crate) codecs: Vec<Codec>,
    /// Measure also with so many percent of the entries there.
    pub(crate) verify_hit_percent: Option<u8>,
    /// Compute the results also for this distance.
    pub(crate) distance: Option<Distance>,
    pub(crate) cores: Cores,
    pub(crate) ttl: Duration,
    /// At most so many percent of each connection's time go to queries of the user's own; none for
    /// no limit.
    pub(crate) share: Option<u8>,
    pub(crate) rng_seed: u64,
    /// Begin to read then, together with other load generators, and read for the whole time.
    pub(crate) start_at: Option<jiff::Timestamp>,
    /// Conditions on the results.
    pub(crate) assertions: Vec<Assertion>,
}

impl Request {
    pub(crate) fn reads_from_disk(&self) -> bool {
        self.paths.contains(&ReadPath::Disk)
    }

    /// The rotation of the clients over the cores, if there is one.
    pub(crate) fn core_rotation(&self) -> Option<CoreRotation> {
        match self.cores {
            Cores::Steady => {
                CoreRotation::new(&affinity::allowed_cores(), u64::from(self.clients), self.rng_seed)
            }
            Cores::Free => None,
        }
    }

    /// Keeps the cores awake, where that is asked for and allowed.
    pub(crate) fn awake(&self) -> Option<Awake> {
        (self.cores == Cores::Steady).then(Awake::hold).flatten()
    }

    /// The blocks of every round.
    pub(crate) fn blocks(&self, codecs: &[Codec]) -> Vec<BlockKind> {
        let all_series = Series::all(&self.paths, codecs).into_iter().map(BlockKind::Series);
        let verified = self.verify_hit_percent.into_iter().flat_map(|percent| {
            codecs.iter().map(move |codec| BlockKind::AtHitRatio { percent, codec: *codec })
        });
        all_series.chain(verified).collect()
    }
}
