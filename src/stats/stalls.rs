//! Reads that were held up, and what a closed loop does not show of that: a client that waits asks
//! nothing meanwhile, so that a stall of a second is one slow read, where requests that keep
//! arriving would all have waited.

use hdrhistogram::Histogram;
use serde::{Deserialize, Serialize};

/// A read that took so many times as long as the median one was held up, not merely slow.
const STALL_FACTOR: u64 = 20;
/// Shorter delays are those of any scheduler.
const SHORTEST_NS: u64 = 1_000_000;
/// Less of the time moves no p99 of requests that arrive at any time.
const LEAST_SHARE: f64 = 0.005;
/// Fewer reads have no typical one.
const FEWEST_READS: u64 = 100;

/// Reads that took at least 20 times as long as the median one, and a millisecond.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Stalls {
    /// The number of reads.
    pub(crate) reads: u64,
    /// The longest of them, ns.
    pub(crate) longest_ns: u64,
    /// The share of this path's reading time that they took, 0 to 1.
    pub(crate) time_share: f64,
    /// Estimated p99 of requests that arrive at any moment, if a stall holds up all of them, ns.
    /// The percentiles of this run are those of a closed loop, in which a client that waits asks
    /// nothing.
    pub(crate) p99_of_arrivals_ns: f64,
}

/// None if nothing was held up for long enough to matter.
pub(crate) fn stalls(latencies: &Histogram<u64>) -> Option<Stalls> {
    let median = latencies.value_at_quantile(0.5);
    let limit = median.saturating_mul(STALL_FACTOR).max(SHORTEST_NS);
    if latencies.len() < FEWEST_READS || latencies.max() < limit {
        return None;
    }
    let recorded =
        || latencies.iter_recorded().map(|value| (value.value_iterated_to(), value.count_at_value()));
    let time = |value: u64, count: u64| value as f64 * count as f64;
    let total_ns: f64 = recorded().map(|(value, count)| time(value, count)).sum();
    let held_up: Vec<(u64, u64)> = recorded().filter(|(value, _)| *value >= limit).collect();
    let held_up_ns: f64 = held_up.iter().map(|&(value, count)| time(value, count)).sum();
    let time_share = held_up_ns / total_ns;
    (time_share >= LEAST_SHARE).then(|| Stalls {
        reads: held_up.iter().map(|(_, count)| count).sum(),
        longest_ns: latencies.max(),
        time_share,
        p99_of_arrivals_ns: p99_of_arrivals(&held_up, total_ns, latencies.value_at_quantile(0.99)),
    })
}

/// A request that arrives at any moment meets a stall of the length S with the probability of its
/// share of the time, and then waits for the rest of it: longer than x with the probability `sum of
/// (S - x) over the stalls longer than x / time`. The x that 1 % exceed is found by halving. Never
/// less than the p99 of the reads.
fn p99_of_arrivals(held_up: &[(u64, u64)], total_ns: f64, p99_ns: u64) -> f64 {
    let beyond = |wait_ns: f64| -> f64 {
        held_up.iter().map(|&(value, count)| (value as f64 - wait_ns).max(0.0) * count as f64).sum::<f64>()
            / total_ns
    };
    let longest = held_up.iter().map(|(value, _)| *value as f64).fold(0.0, f64::max);
    let (mut low, mut high) = (0.0, longest);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if beyond(middle) > 0.01 { low = middle } else { high = middle }
    }
    high.max(p99_ns as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::samples::latencies::Latencies;

    fn latencies(reads: &[(u64, u64)]) -> Latencies {
        let mut latencies = Latencies::new();
        reads.iter().for_each(|&(ns, count)| (0..count).for_each(|_| latencies.record(ns)));
        latencies
    }

    #[test]
    fn a_server_that_stalls_now_and_then_is_seen() {
        // A second of reads of 100 µs, and three stalls of 40 ms: their p99 tells nothing of it.
        let latencies = latencies(&[(100_000, 8_800), (40_000_000, 3)]);
        assert!(latencies.histogram().value_at_quantile(0.99) < 101_000);
        let found = stalls(latencies.histogram()).unwrap();
        assert_eq!(found.reads, 3);
        assert!((found.time_share - 0.12).abs() < 0.001, "{found:?}");
        // 3 (40 - x) = 1 % of 1,000 ms.
        assert!((found.p99_of_arrivals_ns / 36.67e6 - 1.0).abs() < 0.01, "{found:?}");
    }

    #[test]
    fn reads_that_are_merely_uneven_are_no_stalls() {
        assert_eq!(stalls(latencies(&[(100_000, 1_000), (1_500_000, 20)]).histogram()), None);
        assert_eq!(stalls(latencies(&[(20_000, 100_000), (900_000, 50)]).histogram()), None);
        assert_eq!(stalls(latencies(&[(100_000, 1_000_000), (3_000_000, 2)]).histogram()), None);
        assert_eq!(stalls(latencies(&[(100_000, 20), (400_000_000, 3)]).histogram()), None);
        assert_eq!(stalls(Latencies::new().histogram()), None);
    }
}
