//! The numbers that a latency's samples carry, and the gaps where they are too few.

use crate::samples::latencies::Latencies;

/// The percentiles that are reported, under the names of the run file.
pub(crate) const PERCENTILES: [(&str, f64); 5] =
    [("50", 50.0), ("90", 90.0), ("95", 95.0), ("99", 99.0), ("99.9", 99.9)];
/// A percentile is withheld where fewer samples than this lie above it.
const SAMPLES_ABOVE: f64 = 10.0;

/// One latency, summed up. What cannot be said is absent.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Summary {
    pub(crate) operations: u64,
    pub(crate) mean_ns: Option<f64>,
    pub(crate) min_ns: Option<u64>,
    pub(crate) max_ns: Option<u64>,
    pub(crate) saturated: u64,
    /// In the order of [`PERCENTILES`].
    pub(crate) percentiles_ns: [Option<u64>; PERCENTILES.len()],
}

impl Summary {
    pub(crate) fn of(latencies: &Latencies) -> Self {
        Self {
            operations: latencies.count(),
            mean_ns: latencies.mean_ns(),
            min_ns: latencies.min_ns(),
            max_ns: latencies.max_ns(),
            saturated: latencies.saturated(),
            percentiles_ns: PERCENTILES.map(|(_, percentile)| percentile_ns(latencies, percentile)),
        }
    }
}

fn percentile_ns(latencies: &Latencies, percentile: f64) -> Option<u64> {
    (latencies.count() >= samples_needed(percentile))
        .then(|| latencies.histogram().value_at_percentile(percentile))
}

/// The number of samples that a percentile needs: p99 1,000, p99.9 10,000.
pub(crate) fn samples_needed(percentile: f64) -> u64 {
    crate::units::whole(SAMPLES_ABOVE * 100.0 / (100.0 - percentile))
}

/// Operations per second of all clients together, each as fast as they were on average while they
/// were reading; none without time or operations.
///
/// In a closed loop `rate * latency` is the number of clients (Little, "A Proof for the Queuing
/// Formula L = λW", Operations Research 1961). From the first start to the last end of a block it
/// is less, because clients wait for the last one: with exponential delays and 32 clients a third
/// less. Time in which a client had nothing left to read therefore does not count.
#[expect(clippy::cast_precision_loss, reason = "53 bits are more than the clock has")]
pub(crate) fn throughput_per_s(operations: u64, clients: u64, reading_ns: u64) -> Option<f64> {
    (operations > 0 && reading_ns > 0).then(|| clients as f64 * operations as f64 / (reading_ns as f64 / 1e9))
}

/// The mean number of clients that were reading while blocks ran; none if nothing ran.
#[expect(clippy::cast_precision_loss, reason = "53 bits are more than the clock has")]
pub(crate) fn clients_at_work(reading_ns: u64, busy_ns: u64, clients: u64) -> Option<f64> {
    (reading_ns > 0 && busy_ns > 0).then(|| (reading_ns as f64 / busy_ns as f64).min(clients as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(count: u64) -> Summary {
        let mut latencies = Latencies::new();
        (1..=count).for_each(|sample| latencies.record(sample * 1_000));
        Summary::of(&latencies)
    }

    #[test]
    fn a_percentile_needs_ten_samples_above_it() {
        assert_eq!(
            PERCENTILES.map(|(_, percentile)| samples_needed(percentile)),
            [20, 100, 200, 1_000, 10_000]
        );
        assert_eq!(summary(0).percentiles_ns, [None; 5]);
        assert_eq!(summary(19).percentiles_ns, [None; 5]);
        let hundred = summary(100).percentiles_ns.map(|value| value.is_some());
        assert_eq!(hundred, [true, true, false, false, false]);
        assert!(summary(10_000).percentiles_ns.iter().all(Option::is_some));
    }

    #[test]
    fn without_samples_nothing_is_said() {
        let empty = summary(0);
        assert_eq!((empty.mean_ns, empty.min_ns, empty.max_ns), (None, None, None));
        assert_eq!(throughput_per_s(0, 1, 5), None);
        assert_eq!(throughput_per_s(5, 1, 0), None);
        assert_eq!(throughput_per_s(500, 1, 2_000_000_000), Some(250.0));
        assert_eq!(clients_at_work(0, 5, 4), None);
        assert_eq!(clients_at_work(15, 5, 4), Some(3.0));
    }

    /// A block that clients read in simulated time, each from a share of its own or all from one
    /// queue: how long all clients were reading together, how long the block ran, and the mean
    /// latency.
    fn block(clients: usize, each: usize, one_queue: bool, delay: &mut impl FnMut() -> f64) -> [f64; 3] {
        let mut ends = vec![0.0f64; clients];
        let mut sum = 0.0;
        for read in 0..clients * each {
            // From one queue the client that is free first takes the next read.
            let first = (0..clients).min_by(|one, other| ends[*one].total_cmp(&ends[*other])).unwrap();
            let client = if one_queue { first } else { read % clients };
            let took = delay();
            ends[client] += took;
            sum += took;
        }
        let span = ends.iter().copied().fold(0.0, f64::max);
        [ends.iter().sum(), span, sum / (clients * each) as f64]
    }

    #[test]
    fn rate_times_latency_is_the_number_of_clients_for_every_law_and_kind_of_queue() {
        use crate::stats::simulation::Noise;
        type Law = fn(&mut Noise) -> f64;
        let laws: [(&str, Law); 3] = [
            ("constant", |_| 1e6),
            ("exponential", |noise| -1e6 * noise.uniform().ln()),
            ("lognormal", |noise| 1e6 * noise.normal().exp()),
        ];
        let mut by_span_was_wrong = 0;
        for (name, law) in laws {
            for clients in [1, 2, 8, 32, 64] {
                for (each, one_queue) in [(1, false), (3, false), (50, false), (25, true), (1, true)] {
                    let mut noise = Noise::new(7);
                    let [mut reading, mut spans, mut latency] = [0.0; 3];
                    for _ in 0..40 {
                        let of_block = block(clients, each, one_queue, &mut || law(&mut noise));
                        reading += of_block[0];
                        spans += of_block[1];
                        latency += of_block[2] / 40.0;
                    }
                    let reads = (40 * clients * each) as u64;
                    let rate = throughput_per_s(reads, clients as u64, crate::units::whole(reading)).unwrap();
                    let over_clients = rate * latency / 1e9 / clients as f64;
                    assert!((0.97..=1.03).contains(&over_clients), "{name} {clients} {each}: {over_clients}");
                    by_span_was_wrong += u32::from(reads as f64 / spans * latency / clients as f64 <= 0.97);
                }
            }
        }
        assert!(by_span_was_wrong > 20, "from the first start to the last end: {by_span_was_wrong}");
    }
}
