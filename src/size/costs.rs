//! The costs of one workload in a saved run: the size of an entry, and the times of hits, misses
//! and reads without a cache.

use super::document::Workload;
use crate::load_model::memory::{Memory, Tables};
use crate::run_file::{HitRatio, Run, WorkloadRun};

/// The measurements of a workload in a run.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Costs {
    pub(crate) name: String,
    pub(crate) codec: String,
    pub(crate) keys: u64,
    pub(crate) entry_bytes: f64,
    pub(crate) entry_bytes_source: &'static str,
    /// The server of the run.
    pub(crate) tables: Tables,
    pub(crate) mysql_ns: f64,
    pub(crate) hit_ns: f64,
    pub(crate) miss_ns: f64,
    pub(crate) break_even: Option<HitRatio>,
}

/// Why a run does not say enough.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CostsError {
    #[error("the run holds no workload")]
    NoWorkload,
    #[error("the run holds no workload {name:?}; it holds {known}")]
    UnknownWorkload { name: String, known: String },
    #[error("the run has no reads of the path {0}\n  run rcache bench with the paths mysql, cold and warm")]
    PathMissing(&'static str),
    #[error(
        "the run does not say how large entries are\n  run rcache bench with the paths mysql, cold and warm"
    )]
    NoEntrySize,
}

/// Key, object and bookkeeping of an entry, if Redis did not say.
const OVERHEAD_BYTES: u64 = 100;

impl Costs {
    /// The costs of the named workload; else of the one with the most keys.
    pub(crate) fn of_run(run: &Run, workload: Option<&str>) -> Result<Self, CostsError> {
        let chosen = match workload {
            None => run
                .workloads
                .iter()
                .rev()
                .max_by_key(|workload| workload.keys)
                .ok_or(CostsError::NoWorkload)?,
            Some(name) => run.workloads.iter().find(|workload| workload.name == name).ok_or_else(|| {
                let known: Vec<&str> = run.workloads.iter().map(|workload| workload.name.as_str()).collect();
                CostsError::UnknownWorkload { name: name.to_owned(), known: known.join(", ") }
            })?,
        };
        let mean = |path: &'static str| mean_ns(chosen, path).ok_or(CostsError::PathMissing(path));
        let (entry_bytes, entry_bytes_source) = entry_bytes(chosen).ok_or(CostsError::NoEntrySize)?;
        Ok(Self {
            name: chosen.name.clone(),
            codec: chosen.codec.clone(),
            keys: chosen.keys,
            entry_bytes,
            entry_bytes_source,
            tables: Tables::of_server(&run.environment.redis.flavor, &run.environment.redis.version),
            mysql_ns: mean("mysql")?,
            hit_ns: mean("warm")?,
            miss_ns: mean("cold")?,
            break_even: chosen.break_even_hit_ratio.or(chosen.typical.break_even_hit_ratio),
        })
    }

    /// The memory of a server like that of the run.
    pub(crate) fn memory(&self) -> Memory {
        Memory { entry_bytes: self.entry_bytes, tables: self.tables }
    }

    /// The mean of all reads at a hit ratio.
    pub(crate) fn mean_read_ns(&self, hit_ratio: f64) -> f64 {
        hit_ratio * self.hit_ns + (1.0 - hit_ratio) * self.miss_ns
    }

    /// Whether a cache with this hit ratio makes reads faster: `yes` or `no` if the interval of the
    /// break-even allows that.
    pub(crate) fn pays(&self, hit_ratio: f64) -> &'static str {
        match self.break_even {
            Some(HitRatio { ci95: [_, high], .. }) if hit_ratio > high => "yes",
            Some(HitRatio { ci95: [low, _], .. }) if hit_ratio < low => "no",
            Some(_) => "undecided",
            // There is no break-even if the cache always costs time, or always saves some.
            None if self.hit_ns >= self.mysql_ns => "no",
            None if self.miss_ns <= self.mysql_ns => "yes",
            None => "undecided",
        }
    }

    pub(crate) fn document(&self, keys: f64) -> Workload {
        Workload {
            name: self.name.clone(),
            codec: self.codec.clone(),
            keys,
            entry_bytes: self.entry_bytes,
            entry_bytes_source: self.entry_bytes_source.to_owned(),
            mysql_mean_ns: self.mysql_ns,
            hit_mean_ns: self.hit_ns,
            miss_mean_ns: self.miss_ns,
            break_even_hit_ratio: self.break_even,
        }
    }
}

fn mean_ns(workload: &WorkloadRun, path: &str) -> Option<f64> {
    let path = workload.paths.iter().find(|candidate| candidate.path == path)?;
    path.mean_ns.filter(|mean| path.operations > 0 && mean.is_finite())
}

fn entry_bytes(workload: &WorkloadRun) -> Option<(f64, &'static str)> {
    let counted = workload.redis_memory.as_ref().filter(|memory| memory.source == "memory_usage");
    match counted.map(|memory| memory.entry_bytes).filter(|bytes| *bytes > 0) {
        Some(bytes) => Some((bytes as f64, "memory_usage")),
        None => workload.value_bytes.map(|bytes| ((bytes + OVERHEAD_BYTES) as f64, "value_bytes")),
    }
}
