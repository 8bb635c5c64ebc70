//! From what was measured to what is saved: converted by hand, so that the contract stays put.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use super::{Control, PathRun, WorkloadRun};
use crate::cli::{Codec, ReadPath, Workload};
use crate::measure::plan::Plan;
use crate::measure::{ControlSamples, PathSamples, WorkloadSamples};
use crate::sample::Latencies;
use crate::stats::summary::{self, PERCENTILES, Summary};

/// One workload's part of the run file.
pub(crate) fn workload(
    workload: Workload,
    codec: Codec,
    plan: &Plan,
    users: u32,
    samples: &WorkloadSamples,
) -> WorkloadRun {
    WorkloadRun {
        name: workload.name().to_owned(),
        codec: codec.name().to_owned(),
        keys: plan.keys(users),
        value_bytes: samples.written_bytes.checked_div(samples.written_entries),
        rounds: samples.rounds,
        block: plan.block(),
        paths: samples.paths.iter().map(path).collect(),
    }
}

fn path(samples: &PathSamples) -> PathRun {
    let summary = Summary::of(&samples.latencies);
    let cached = samples.path != ReadPath::Mysql;
    PathRun {
        path: samples.path.name().to_owned(),
        operations: summary.operations,
        hits: cached.then_some(samples.hits),
        misses: cached.then_some(samples.misses),
        errors: samples.errors.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect(),
        throughput_per_s: summary::throughput_per_s(samples.answered, samples.busy_ns),
        mean_ns: summary.mean_ns,
        min_ns: summary.min_ns,
        max_ns: summary.max_ns,
        saturated: summary.saturated,
        percentiles_ns: percentiles(&summary),
        histogram: encode(samples.latencies.histogram()),
    }
}

fn percentiles(summary: &Summary) -> BTreeMap<String, Option<u64>> {
    PERCENTILES
        .iter()
        .zip(summary.percentiles_ns)
        .map(|((name, _), value)| ((*name).to_owned(), value))
        .collect()
}

/// The round-trip floors of both servers.
pub(crate) fn controls(samples: &ControlSamples) -> Vec<Control> {
    vec![control("mysql", "SELECT 1", &samples.mysql), control("redis", "PING", &samples.redis)]
}

fn control(server: &str, statement: &str, latencies: &Latencies) -> Control {
    let summary = Summary::of(latencies);
    Control {
        server: server.to_owned(),
        statement: statement.to_owned(),
        operations: summary.operations,
        mean_ns: summary.mean_ns,
        min_ns: summary.min_ns,
        max_ns: summary.max_ns,
        percentiles_ns: percentiles(&summary),
    }
}

/// HdrHistogram V2, deflated, base64: what other implementations read.
fn encode(histogram: &Histogram<u64>) -> String {
    let mut bytes = Vec::new();
    // Writing to a Vec cannot fail, and the counts are far below the format's limit.
    match V2DeflateSerializer::new().serialize(histogram, &mut bytes) {
        Ok(_) => STANDARD.encode(bytes),
        Err(_) => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_saved_histogram_is_read_back_whole() {
        let mut latencies = Latencies::new();
        (1..=1_000u64).for_each(|sample| latencies.record(sample * sample));
        let bytes = STANDARD.decode(encode(latencies.histogram())).unwrap();
        let read: Histogram<u64> =
            hdrhistogram::serialization::Deserializer::new().deserialize(&mut bytes.as_slice()).unwrap();
        assert_eq!(&read, latencies.histogram());
    }
}
