//! From what was measured to what is saved: converted by hand, so that the contract stays put.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use super::{
    AtDistance, Control, CurvePoint, DiskReads, ExchangesPerRead, HitRatio, OverControl, PathRun, Ratio,
    RoundControl, Stalls, TypicalRatios, VerifiedHitRatio, WorkloadRun,
};
use crate::cli::{Codec, ReadPath};
use crate::measure::disk::DiskSamples;
use crate::measure::plan::Plan;
use crate::measure::{ControlKind, ControlSamples, MixedSamples, PathSamples, WorkloadSamples};
use crate::sample::Latencies;
use crate::sandbox::Storage;
use crate::stats::break_even::BreakEven;
use crate::stats::curve;
use crate::stats::distance::{self, Distance};
use crate::stats::estimate::{Estimate, Missing};
use crate::stats::stalls;
use crate::stats::statistics::{self, PathStatistics, Statistics};
use crate::stats::summary::{self, PERCENTILES, Summary};
use crate::stats::typical::Typical;
use crate::stats::verified::Verified;

/// One workload's part of the run file, with one codec.
pub(crate) fn workload(
    name: &str,
    codec: Codec,
    plan: &Plan,
    samples: &WorkloadSamples,
    distance: Option<Distance>,
    rng_seed: u64,
) -> WorkloadRun {
    let samples = &samples.of_codec(codec);
    let statistics = Statistics::of(samples, rng_seed);
    WorkloadRun {
        name: name.to_owned(),
        codec: codec.name().to_owned(),
        keys: plan.keys(),
        value_bytes: samples.entry_bytes(codec),
        rounds: samples.rounds.rounds(),
        block: samples.course.block,
        measured_s: Some(samples.course.elapsed.as_secs_f64()),
        ended: samples.course.ended.map(|ended| ended.name().to_owned()),
        connection_groups: u64::from(samples.course.groups),
        controls: round_controls(samples, &statistics),
        paths: paths(samples, plan.clients(), &statistics, rng_seed),
        speedup: statistics.speedup.as_ref().ok().map(ratio),
        miss_penalty: statistics.miss_penalty.as_ref().ok().map(ratio),
        break_even_hit_ratio: statistics.break_even.estimate().as_ref().map(hit_ratio),
        cold_over_naive: statistics.cold_over_naive.as_ref().and_then(|found| found.as_ref().ok()).map(ratio),
        warm_over_mysql: statistics.warm_over_mysql.as_ref().ok().map(ratio),
        typical: typical(&statistics.typical),
        withheld: withheld(&statistics),
        hit_ratio_curve: statistics.curve.iter().map(curve_point).collect(),
        at_distance: distance.map(|distance| at_distance(&statistics.at(samples, distance))),
        verified_hit_ratio: samples.mixed.first().map(|mixed| verified(mixed, &statistics)),
        server_counters: None,
        avoided: None,
        redis_memory: None,
        query: None,
    }
}

fn typical(typical: &Typical) -> TypicalRatios {
    TypicalRatios {
        speedup: typical.speedup.as_ref().ok().map(ratio),
        miss_penalty: typical.miss_penalty.as_ref().ok().map(ratio),
        break_even_hit_ratio: typical.break_even.as_ref().map(hit_ratio),
    }
}

fn at_distance(found: &distance::AtDistance) -> AtDistance {
    const NAMES: [&str; 3] = ["mysql", "cold", "warm"];
    let means = || NAMES.iter().map(|name| (*name).to_owned()).zip(&found.means_ns);
    let mean = |mean: &Result<Estimate, Missing>| mean.as_ref().ok().map(|estimate| estimate.value);
    AtDistance {
        mysql_extra_ns: found.distance.mysql_ns,
        redis_extra_ns: found.distance.redis_ns,
        mean_ns: means().map(|(name, found)| (name, mean(found))).collect(),
        mean_ci95_ns: means().map(|(name, found)| (name, found.as_ref().ok().map(ends))).collect(),
        speedup: found.speedup.as_ref().ok().map(ratio),
        miss_penalty: found.miss_penalty.as_ref().ok().map(ratio),
        break_even_hit_ratio: found.break_even.estimate().as_ref().map(hit_ratio),
        withheld: reasons([
            ("speedup", reason(&found.speedup)),
            ("miss_penalty", reason(&found.miss_penalty)),
            ("break_even_hit_ratio", no_break_even(&found.break_even)),
        ]),
    }
}

fn reason(estimate: &Result<Estimate, Missing>) -> Option<String> {
    estimate.as_ref().err().map(ToString::to_string)
}

fn no_break_even(found: &BreakEven) -> Option<String> {
    found.estimate().is_none().then(|| found.to_string())
}

fn reasons<const N: usize>(of: [(&str, Option<String>); N]) -> BTreeMap<String, String> {
    of.into_iter().filter_map(|(name, reason)| Some((name.to_owned(), reason?))).collect()
}

fn ratio(estimate: &Estimate) -> Ratio {
    Ratio { ratio: estimate.value, ci95: ends(estimate) }
}

fn hit_ratio(estimate: &Estimate) -> HitRatio {
    HitRatio { value: estimate.value, ci95: ends(estimate) }
}

fn ends(estimate: &Estimate) -> [f64; 2] {
    [estimate.ci95.low, estimate.ci95.high]
}

fn curve_point(point: &curve::CurvePoint) -> CurvePoint {
    let mean = point.mean_ns.as_ref().ok();
    CurvePoint {
        hit_percent: u64::from(point.hit_percent),
        mean_ns: mean.map(|estimate| estimate.value),
        mean_ci95_ns: mean.map(ends),
        mysql_reads_saved: point.mysql_reads_saved,
    }
}

fn verified(mixed: &MixedSamples, statistics: &Statistics) -> VerifiedHitRatio {
    let summary = Summary::of(&mixed.latencies);
    let found = statistics.verified.unwrap_or(Verified::NOTHING);
    VerifiedHitRatio {
        hit_percent: u64::from(mixed.percent),
        operations: summary.operations,
        hits: mixed.hits,
        misses: mixed.misses,
        errors: counts(&mixed.errors),
        mean_ns: summary.mean_ns,
        mean_ci95_ns: found.measured_ns.ok().as_ref().map(ends),
        expected_mean_ns: found.expected_ns.ok().map(|estimate| estimate.value),
        expected_mean_ci95_ns: found.expected_ns.ok().as_ref().map(ends),
        measured_over_expected: found.ratio.ok().as_ref().map(ratio),
        withheld: found.ratio.err().map(|missing| missing.to_string()),
        percentiles_ns: percentiles(&summary),
        histogram: encode(mixed.latencies.histogram()),
    }
}

fn counts(errors: &BTreeMap<&'static str, u64>) -> BTreeMap<String, u64> {
    errors.iter().map(|(kind, count)| ((*kind).to_owned(), *count)).collect()
}

/// The reasons for what is null.
fn withheld(statistics: &Statistics) -> BTreeMap<String, String> {
    reasons([
        ("speedup", reason(&statistics.speedup)),
        ("miss_penalty", reason(&statistics.miss_penalty)),
        ("warm_over_mysql", reason(&statistics.warm_over_mysql)),
        ("cold_over_naive", statistics.cold_over_naive.as_ref().and_then(reason)),
        ("break_even_hit_ratio", no_break_even(&statistics.break_even)),
    ])
}

/// Those of the rounds, and the one from disk behind them.
fn paths(samples: &WorkloadSamples, clients: u64, statistics: &Statistics, rng_seed: u64) -> Vec<PathRun> {
    let naive = statistics::alone(statistics::column(samples, ReadPath::Naive), rng_seed);
    let of_rounds = samples.paths.iter().map(|samples| {
        let of_path = match samples.path {
            ReadPath::Naive => Some(PathStatistics::of_alone(&naive)),
            path => statistics.of_path(path),
        };
        let typical = statistics.typical_ns(samples.path);
        PathRun {
            typical_ns: typical.map(|estimate| estimate.value),
            typical_ci95_ns: typical.as_ref().map(ends),
            over_control: over_control(samples.path, statistics),
            ..path(samples, clients, of_path)
        }
    });
    of_rounds.chain(samples.disk.as_ref().map(|disk| from_disk(disk, rng_seed))).collect()
}

fn from_disk(samples: &DiskSamples, rng_seed: u64) -> PathRun {
    let bootstrap = statistics::alone(samples.rounds.column(0), rng_seed);
    let storage = match samples.storage {
        Storage::Direct => "direct",
        Storage::PageCache => "page_cache",
        Storage::Memory => "memory",
        Storage::Unknown => "unknown",
    };
    let disk = DiskReads { storage: storage.to_owned(), pages_per_read: samples.pages_per_read() };
    PathRun { disk: Some(disk), ..path(&samples.path, 1, Some(PathStatistics::of_alone(&bootstrap))) }
}

fn path(samples: &PathSamples, clients: u64, statistics: Option<PathStatistics<'_>>) -> PathRun {
    let summary = Summary::of(&samples.latencies);
    let cached = matches!(samples.path, ReadPath::Cold | ReadPath::Warm | ReadPath::Naive);
    let mean = statistics.and_then(|statistics| statistics.mean_ns());
    PathRun {
        path: samples.path.name().to_owned(),
        operations: summary.operations,
        hits: cached.then_some(samples.hits),
        misses: cached.then_some(samples.misses),
        errors: counts(&samples.errors),
        throughput_per_s: summary::throughput_per_s(samples.answered, clients, samples.reading_ns),
        clients_at_work: summary::clients_at_work(samples.reading_ns, samples.busy_ns, clients),
        mean_ns: summary.mean_ns,
        mean_ci95_ns: mean.as_ref().map(ends),
        typical_ns: None,
        typical_ci95_ns: None,
        over_control: None,
        min_ns: summary.min_ns,
        max_ns: summary.max_ns,
        saturated: summary.saturated,
        percentiles_ns: percentiles(&summary),
        percentiles_ci95_ns: percentile_intervals(samples, &summary, statistics),
        parts_mean_ns: samples.parts.means_ns().map(|(part, ns)| (part.name().to_owned(), ns)).collect(),
        stored_mean_ns: samples.stored.mean_ns(),
        exchanges_per_read: (summary.operations > 0).then(|| {
            let [mysql, redis] = distance::per_read(samples.exchanges, summary.operations);
            ExchangesPerRead { mysql, redis }
        }),
        stalls: stalls::stalls(samples.latencies.histogram()).map(Into::into),
        disk: None,
        histogram: encode(samples.latencies.histogram()),
    }
}

impl From<stalls::Stalls> for Stalls {
    fn from(found: stalls::Stalls) -> Self {
        Self {
            reads: found.reads,
            longest_ns: found.longest_ns,
            time_share: found.time_share,
            p99_of_arrivals_ns: found.p99_of_arrivals_ns,
        }
    }
}

fn over_control(path: ReadPath, statistics: &Statistics) -> Option<OverControl> {
    let cost = statistics.relative_cost(path)?;
    let control = match path {
        ReadPath::Mysql => ControlKind::SelectOne,
        ReadPath::Cold | ReadPath::Warm | ReadPath::Naive | ReadPath::Disk => statistics.hit_control,
    };
    let withheld = cost.typical.err().or(cost.mean.err());
    Some(OverControl {
        control: statement(control).to_owned(),
        minus: (path == ReadPath::Cold).then(|| ReadPath::Mysql.name().to_owned()),
        typical: cost.typical.as_ref().ok().map(ratio),
        mean: cost.mean.as_ref().ok().map(ratio),
        withheld: withheld.map(|missing| missing.to_string()),
    })
}

fn round_controls(samples: &WorkloadSamples, statistics: &Statistics) -> Vec<RoundControl> {
    let control = |(kind, typical): &(ControlKind, Result<Estimate, Missing>)| RoundControl {
        server: if *kind == ControlKind::SelectOne { "mysql" } else { "redis" }.to_owned(),
        statement: statement(*kind).to_owned(),
        operations: samples.control_rounds(*kind).iter().map(|sums| sums.count).sum(),
        typical_ns: typical.as_ref().ok().map(|estimate| estimate.value),
        typical_ci95_ns: typical.as_ref().ok().map(ends),
    };
    statistics.controls.iter().map(control).collect()
}

fn statement(control: ControlKind) -> &'static str {
    match control {
        ControlKind::Ping => "PING",
        ControlKind::SelectOne => "SELECT 1",
        ControlKind::Fetch(_) => "GET",
    }
}

fn percentiles(summary: &Summary) -> BTreeMap<String, Option<u64>> {
    PERCENTILES
        .iter()
        .zip(summary.percentiles_ns)
        .map(|((name, _), value)| ((*name).to_owned(), value))
        .collect()
}

/// An interval only for percentiles that are given at all.
fn percentile_intervals(
    samples: &PathSamples,
    summary: &Summary,
    statistics: Option<PathStatistics<'_>>,
) -> BTreeMap<String, Option<[f64; 2]>> {
    let interval = |percentile, value: Option<u64>| {
        let ci95 = value.and(statistics)?.percentile_ns(samples, percentile)?;
        Some([ci95.low, ci95.high])
    };
    let given = PERCENTILES.iter().zip(summary.percentiles_ns);
    given.map(|((name, percentile), value)| ((*name).to_owned(), interval(*percentile, value))).collect()
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
        histogram: encode(latencies.histogram()),
    }
}

/// HdrHistogram V2, deflated, base64: what other implementations read.
pub(crate) fn encode(histogram: &Histogram<u64>) -> String {
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
