//! The cost of the statistics of a long run: time, and the memory of this process at its highest.

use crate::measure::clock::timed;
use crate::measure::plan::{Amount, Plan};
use crate::model::series::{BlockKind, Series};
use crate::model::{Codec, ReadPath};
use crate::paths::query::Workload;
use crate::permutation::{below, mix};
use crate::run_file::build;
use crate::samples::round_series::RoundSums;
use crate::samples::workload::WorkloadSamples;
use crate::stats::analysis::Analysis;
use crate::users::{DEFAULT_RNG_SEED, DEFAULT_USERS, DataSet};

const READS: u64 = 1_000_000;
const PATHS: [ReadPath; 3] = [ReadPath::Mysql, ReadPath::Cold, ReadPath::Warm];
const DATA: DataSet = DataSet { users: DEFAULT_USERS, rng_seed: DEFAULT_RNG_SEED };

/// A million reads of each of three paths, summed up as for a run file: ns, and the peak resident
/// memory in bytes where the system tells. To be called before anything else takes memory.
pub(super) fn of_a_million_reads() -> (u64, Option<u64>) {
    let plan = Plan::new(Workload::Point, Amount::Reads(READS), 1, DATA, None, DEFAULT_RNG_SEED);
    let samples = samples(&plan);
    let (run, ns) = timed(|| {
        let samples = samples.of_codec(Codec::Postcard);
        let analysis = Analysis::new(&samples, plan.clients(), None, DEFAULT_RNG_SEED);
        build::workload(build::Workload {
            name: Workload::Point.name().to_owned(),
            codec: Codec::Postcard,
            keys: plan.keys(),
            samples: &samples,
            analysis: &analysis,
            server_side: None,
            query: None,
        })
    });
    std::hint::black_box(run);
    (ns, peak_bytes())
}

/// Latencies spread over some microseconds, in as many rounds as a real run has.
fn samples(plan: &Plan) -> WorkloadSamples {
    let all_series: Vec<BlockKind> =
        Series::all(&PATHS, &[Codec::Postcard]).into_iter().map(BlockKind::Series).collect();
    let mut samples = WorkloadSamples::new(&all_series);
    for round in 0..plan.rounds().unwrap_or(0) {
        let mut sums = vec![RoundSums::default(); PATHS.len()];
        for (path, (samples, sums)) in (0..).zip(samples.paths.iter_mut().zip(&mut sums)) {
            for read in 0..plan.block() {
                let ns = 20_000 * (path + 1) + u64::from(below(mix(round << 20 ^ read << 2 ^ path), 9_000));
                samples.latencies.record(ns);
                sums.record(ns);
            }
        }
        samples.rounds.push(&sums);
    }
    samples
}

/// `VmHWM` of this process, from Linux.
fn peak_bytes() -> Option<u64> {
    parse_peak(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn parse_peak(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_is_found() {
        assert_eq!(parse_peak("VmPeak:\t  9 kB\nVmHWM:\t    8192 kB\n"), Some(8 << 20));
        assert_eq!(parse_peak("VmPeak:\t  9 kB\n"), None);
    }

    #[test]
    fn the_samples_are_a_whole_run() {
        let plan =
            Plan::new(Workload::Point, Amount::Reads(1_000), 1, DataSet { users: 500, rng_seed: 1 }, None, 1);
        let samples = samples(&plan);
        let rounds = plan.rounds().unwrap();
        assert_eq!(samples.rounds.rounds(), rounds);
        for path in &samples.paths {
            assert_eq!(path.latencies.count(), rounds * plan.block());
        }
    }

    #[test]
    #[ignore = "a matter of time: cargo test --release --lib limits -- --ignored"]
    fn a_million_reads_are_summed_up_within_a_second_and_50_mb() {
        let (ns, peak) = of_a_million_reads();
        assert!(ns < 1_000_000_000, "{ns} ns");
        assert!(peak.is_none_or(|bytes| bytes < 50_000_000), "{peak:?} bytes");
    }
}
