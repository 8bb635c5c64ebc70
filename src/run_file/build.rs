//! From what was measured to what is saved: converted by hand, so that the contract stays put.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::{Serializer, V2DeflateSerializer};

use super::own::OwnQueryRun;
use super::{
    AtDistance, Control, CurvePoint, DiskReads, ExchangesPerRead, HitRatio, OverControl, PathRun, Ratio,
    RoundControl, ServerCounters, TypicalRatios, VerifiedHitRatio, WorkloadRun, servers,
};
use crate::model::{Codec, ReadPath};
use crate::samples::disk::DiskSamples;
use crate::samples::latencies::Latencies;
use crate::samples::path::{MixedSamples, PathSamples};
use crate::samples::workload::{ControlKind, ControlSamples, WorkloadSamples};
use crate::stats::analysis::{Analysis, PathAnalysis};
use crate::stats::break_even::BreakEven;
use crate::stats::curve;
use crate::stats::distance;
use crate::stats::estimate::{Estimate, Missing};
use crate::stats::external_traffic::ServerSide;
use crate::stats::hit_ratio_check::Verified;
use crate::stats::statistics::Statistics;
use crate::stats::summary::{PERCENTILES, Summary};
use crate::stats::typical::Typical;

/// One workload with one codec.
pub(crate) struct Workload<'a> {
    pub(crate) name: String,
    pub(crate) codec: Codec,
    pub(crate) keys: u64,
    /// The samples of this codec.
    pub(crate) samples: &'a WorkloadSamples,
    pub(crate) analysis: &'a Analysis,
    /// None if the servers were not asked for their counters.
    pub(crate) server_side: Option<&'a ServerSide>,
    /// A query of the user's own.
    pub(crate) query: Option<OwnQueryRun>,
}

/// One workload's part of the run file, with one codec.
pub(crate) fn workload(workload: Workload<'_>) -> WorkloadRun {
    let Workload { name, codec, keys, samples, analysis, server_side, query } = workload;
    let statistics = &analysis.statistics;
    let (paths, value_bytes) = (paths(samples, analysis), samples.entry_bytes(codec));
    let mixed = samples.mixed.first().zip(analysis.mixed.as_ref());
    let verified_hit_ratio = mixed.map(|(mixed, summary)| verified(mixed, summary, statistics));
    let verified_hits = verified_hit_ratio.as_ref().map(|verified| verified.hits);
    let hits = paths.iter().filter_map(|path| path.hits).chain(verified_hits).reduce(|sum, hits| sum + hits);
    let server_counters = server_side.map(|counted| ServerCounters::new(counted, &samples.requests));
    WorkloadRun {
        name,
        codec: codec.name().to_owned(),
        keys,
        value_bytes,
        rounds: samples.rounds.rounds(),
        block: samples.course.block,
        measured_s: Some(samples.course.elapsed.as_secs_f64()),
        ended: samples.course.ended.map(|ended| ended.name().to_owned()),
        connection_groups: u64::from(samples.course.groups),
        controls: round_controls(samples, statistics),
        paths,
        speedup: statistics.speedup.as_ref().ok().map(ratio),
        miss_penalty: statistics.miss_penalty.as_ref().ok().map(ratio),
        break_even_hit_ratio: statistics.break_even.estimate().as_ref().map(hit_ratio),
        cold_over_naive: statistics.cold_over_naive.as_ref().and_then(|found| found.as_ref().ok()).map(ratio),
        warm_over_mysql: statistics.warm_over_mysql.as_ref().ok().map(ratio),
        typical: typical(&statistics.typical),
        withheld: withheld(statistics),
        hit_ratio_curve: statistics.curve.iter().map(curve_point).collect(),
        at_distance: analysis.at_distance.as_ref().map(at_distance),
        verified_hit_ratio,
        avoided: server_counters.as_ref().zip(hits).map(|(counters, hits)| counters.avoided(hits)),
        server_counters,
        redis_memory: server_side.and_then(|counted| servers::memory(counted, codec, keys, value_bytes)),
        query,
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

fn verified(mixed: &MixedSamples, summary: &Summary, statistics: &Statistics) -> VerifiedHitRatio {
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
        percentiles_ns: percentiles(summary),
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
fn paths(samples: &WorkloadSamples, analysis: &Analysis) -> Vec<PathRun> {
    let of_rounds = samples.paths.iter().zip(&analysis.paths).map(|(samples, found)| PathRun {
        over_control: over_control(samples.path, &analysis.statistics),
        ..path(samples, found)
    });
    let disk = samples.disk.as_ref().zip(analysis.disk.as_ref());
    of_rounds.chain(disk.map(|(disk, found)| from_disk(disk, found))).collect()
}

fn from_disk(samples: &DiskSamples, found: &PathAnalysis) -> PathRun {
    let disk =
        DiskReads { storage: samples.storage.name().to_owned(), pages_per_read: samples.pages_per_read() };
    PathRun { disk: Some(disk), ..path(&samples.path, found) }
}

fn path(samples: &PathSamples, found: &PathAnalysis) -> PathRun {
    let summary = &found.summary;
    let cached = matches!(samples.path, ReadPath::Cold | ReadPath::Warm | ReadPath::Naive);
    PathRun {
        path: samples.path.name().to_owned(),
        operations: summary.operations,
        hits: cached.then_some(samples.hits),
        misses: cached.then_some(samples.misses),
        errors: counts(&samples.errors),
        throughput_per_s: found.throughput_per_s,
        clients_at_work: found.clients_at_work,
        mean_ns: summary.mean_ns,
        mean_ci95_ns: found.mean_ns.as_ref().map(ends),
        typical_ns: found.typical_ns.map(|estimate| estimate.value),
        typical_ci95_ns: found.typical_ns.as_ref().map(ends),
        over_control: None,
        min_ns: summary.min_ns,
        max_ns: summary.max_ns,
        saturated: summary.saturated,
        percentiles_ns: percentiles(summary),
        percentiles_ci95_ns: percentile_intervals(found),
        parts_mean_ns: samples.parts.means_ns().map(|(part, ns)| (part.name().to_owned(), ns)).collect(),
        stored_mean_ns: samples.stored.mean_ns(),
        exchanges_per_read: found.exchanges_per_read.map(|[mysql, redis]| ExchangesPerRead { mysql, redis }),
        stalls: found.stalls,
        disk: None,
        histogram: encode(samples.latencies.histogram()),
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

fn percentile_intervals(found: &PathAnalysis) -> BTreeMap<String, Option<[f64; 2]>> {
    let intervals = PERCENTILES.iter().zip(&found.percentiles_ci95);
    intervals
        .map(|((name, _), ci95)| ((*name).to_owned(), ci95.as_ref().map(|ci95| [ci95.low, ci95.high])))
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
