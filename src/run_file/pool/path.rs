//! The same path of several runs as one.

use std::collections::BTreeMap;

use super::estimates::{around, ends, errors, estimates, pooled_ratio, sum, weighted};
use super::histograms::{merged, percentiles};
use crate::run_file::build::encode;
use crate::run_file::{ExchangesPerRead, OverControl, PathRun, Ratio, WorkloadRun};
use crate::stats::between_runs::{Scale, Timing, pool};
use crate::stats::stalls;

pub(super) fn pooled_path(runs: &[&WorkloadRun], first: &PathRun, timing: Timing) -> PathRun {
    let own: Vec<&PathRun> =
        runs.iter().filter_map(|run| run.paths.iter().find(|path| path.path == first.path)).collect();
    let histogram = merged(own.iter().map(|path| path.histogram.as_str()));
    let percentiles_ns = percentiles(histogram.as_ref());
    let mean_ns = weighted(own.iter().map(|path| (path.mean_ns, path.operations)));
    let typical = estimates(own.iter().map(|path| (path.typical_ns, path.typical_ci95_ns)))
        .and_then(|runs| pool(&runs, Scale::Logarithm, timing));
    PathRun {
        operations: own.iter().map(|path| path.operations).sum(),
        hits: sum(own.iter().map(|path| path.hits)),
        misses: sum(own.iter().map(|path| path.misses)),
        errors: errors(own.iter().map(|path| &path.errors)),
        throughput_per_s: match timing {
            Timing::Successive => throughput(&own),
            Timing::Simultaneous => own.iter().map(|path| path.throughput_per_s).sum(),
        },
        clients_at_work: match timing {
            Timing::Successive => weighted(own.iter().map(|path| (path.clients_at_work, path.operations))),
            Timing::Simultaneous => own.iter().map(|path| path.clients_at_work).sum(),
        },
        mean_ns,
        mean_ci95_ns: around(mean_ns, own.iter().map(|path| (path.mean_ns, path.mean_ci95_ns)), timing),
        typical_ns: typical.map(|typical| typical.value),
        typical_ci95_ns: typical.as_ref().map(ends),
        over_control: over_control(&own, timing),
        min_ns: own.iter().filter_map(|path| path.min_ns).min(),
        max_ns: own.iter().filter_map(|path| path.max_ns).max(),
        saturated: own.iter().map(|path| path.saturated).sum(),
        percentiles_ci95_ns: percentile_intervals(&own, &percentiles_ns, timing),
        percentiles_ns,
        parts_mean_ns: parts(&own),
        stored_mean_ns: weighted(own.iter().map(|path| (path.stored_mean_ns, path.operations))),
        exchanges_per_read: exchanges(&own),
        stalls: histogram.as_ref().and_then(stalls::stalls),
        histogram: histogram.as_ref().map_or_else(String::new, encode),
        ..first.clone()
    }
}

fn percentile_intervals(
    own: &[&PathRun],
    pooled: &BTreeMap<String, Option<u64>>,
    timing: Timing,
) -> BTreeMap<String, Option<[f64; 2]>> {
    let interval = |name: &String, value: Option<u64>| {
        let of_run = |path: &&PathRun| {
            let value = path.percentiles_ns.get(name).copied().flatten().map(|ns| ns as f64);
            (value, path.percentiles_ci95_ns.get(name).copied().flatten())
        };
        around(value.map(|ns| ns as f64), own.iter().map(of_run), timing)
    };
    pooled.iter().map(|(name, value)| (name.clone(), interval(name, *value))).collect()
}

fn over_control(own: &[&PathRun], timing: Timing) -> Option<OverControl> {
    let costs: Vec<&OverControl> = own.iter().filter_map(|path| path.over_control.as_ref()).collect();
    let first = *costs.first().filter(|_| costs.len() == own.len())?;
    // What is left of a miss may be nothing.
    let scale = if first.minus.is_some() { Scale::Plain } else { Scale::Logarithm };
    let alike = costs.iter().all(|cost| cost.control == first.control);
    let figure = |of: fn(&OverControl) -> Option<Ratio>| {
        if alike { pooled_ratio(costs.iter().map(|cost| of(cost)), scale, timing) } else { None }
    };
    let (typical, mean) = (figure(|cost| cost.typical), figure(|cost| cost.mean));
    let withheld = costs.iter().find_map(|cost| cost.withheld.clone());
    let withheld = withheld.filter(|_| typical.is_none() || mean.is_none());
    Some(OverControl { typical, mean, withheld, ..first.clone() })
}

/// Reads of all runs over the time that they took together.
fn throughput(own: &[&PathRun]) -> Option<f64> {
    let mut seconds = 0.0;
    let mut reads = 0.0;
    for path in own.iter().filter(|path| path.operations > 0) {
        reads += path.operations as f64;
        seconds += path.operations as f64 / path.throughput_per_s.filter(|rate| *rate > 0.0)?;
    }
    (seconds > 0.0).then(|| reads / seconds)
}

/// The exchanges of one read of all runs together; none if a run does not say.
fn exchanges(own: &[&PathRun]) -> Option<ExchangesPerRead> {
    let with_reads = || own.iter().filter(|path| path.operations > 0);
    let mean = |of: fn(&ExchangesPerRead) -> f64| {
        let of_runs: Option<Vec<(Option<f64>, u64)>> = with_reads()
            .map(|path| Some((Some(of(path.exchanges_per_read.as_ref()?)), path.operations)))
            .collect();
        weighted(of_runs?.into_iter())
    };
    Some(ExchangesPerRead { mysql: mean(|own| own.mysql)?, redis: mean(|own| own.redis)? })
}

fn parts(own: &[&PathRun]) -> BTreeMap<String, f64> {
    let names = own.iter().flat_map(|path| path.parts_mean_ns.keys());
    let mean = |name: &String| {
        weighted(own.iter().map(|path| {
            let ns = path.parts_mean_ns.get(name).copied().unwrap_or(0.0);
            ((path.operations > 0).then_some(ns), path.operations)
        }))
    };
    names.filter_map(|name| Some((name.clone(), mean(name)?))).collect()
}
