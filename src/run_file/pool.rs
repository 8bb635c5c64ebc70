//! Several runs of one bench as one: reads are added up, and every interval holds what differs between the runs. The runs
//! were made one after the other (`bench --runs`) or by several load generators at the same time (`merge`).

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hdrhistogram::Histogram;
use hdrhistogram::serialization::Deserializer;

use super::build::encode;
use super::own::OwnQueryRun;
use super::{
    AtDistance, Avoided, Config, Control, CurvePoint, ExchangesPerRead, HitRatio, OverControl, PathRun,
    Ratio, RoundControl, Run, RunPart, TypicalRatios, VerifiedHitRatio, Warning, WorkloadRun,
};
use crate::sample::MAX_NS;
use crate::stats::between_runs::{Scale, Timing, pool, pool_around};
use crate::stats::estimate::{Estimate, Interval};
use crate::stats::stalls;
use crate::stats::summary::{PERCENTILES, samples_needed};

/// One run of all of them; none for no runs. What is interrupted is no run of its own, and is said of the whole.
pub(crate) fn pool_runs(runs: &[Run], interrupted: bool) -> Option<Run> {
    let (first, others) = runs.split_first()?;
    if others.is_empty() {
        return Some(Run { interrupted: interrupted || first.interrupted, ..first.clone() });
    }
    Some(Run {
        wall_s: runs.iter().map(|run| run.wall_s).sum(),
        interrupted: interrupted || runs.iter().any(|run| run.interrupted),
        ..combine(first, runs, Timing::Successive)
    })
}

/// The runs of several load generators, made at the same time, as one run of all their clients; none for no runs.
pub(crate) fn merge_runs(runs: &[Run]) -> Option<Run> {
    let first = runs.first()?;
    let merged = combine(first, runs, Timing::Simultaneous);
    let started_at = runs.iter().map(|run| &run.started_at).min().unwrap_or(&first.started_at);
    Some(Run {
        started_at: started_at.clone(),
        wall_s: runs.iter().map(|run| run.wall_s).fold(0.0, f64::max),
        interrupted: runs.iter().any(|run| run.interrupted),
        config: Config { clients: runs.iter().map(|run| run.config.clients).sum(), ..first.config.clone() },
        generators: runs.len() as u64,
        // They judged a part of the reads.
        assertions: Vec::new(),
        ..merged
    })
}

/// A path whose histogram cannot be read, as WORKLOAD.PATH.
pub(crate) fn damaged_histogram(run: &Run) -> Option<String> {
    let damaged = |workload: &WorkloadRun| {
        let is_damaged = |path: &&PathRun| path.operations > 0 && decode(&path.histogram).is_none();
        workload.paths.iter().find(is_damaged).map(|path| format!("{}.{}", workload.name, path.path))
    };
    run.workloads.iter().find_map(damaged)
}

fn combine(first: &Run, runs: &[Run], timing: Timing) -> Run {
    Run {
        controls: controls(runs),
        workloads: workloads(runs, timing),
        warnings: warnings(runs),
        runs: runs.iter().map(part).collect(),
        ..first.clone()
    }
}

fn part(run: &Run) -> RunPart {
    RunPart {
        started_at: run.started_at.clone(),
        wall_s: run.wall_s,
        rng_seed: run.config.rng_seed,
        controls: run.controls.clone(),
        workloads: run.workloads.clone(),
        warnings: run.warnings.clone(),
    }
}

/// Each once, with how many runs had it. A code that a run has several times stands for several workloads.
fn warnings(runs: &[Run]) -> Vec<Warning> {
    let mut pooled: Vec<(usize, Warning, usize)> = Vec::new();
    for run in runs {
        for (index, warning) in run.warnings.iter().enumerate() {
            let before = run.warnings.iter().take(index).filter(|own| own.code == warning.code).count();
            match pooled.iter_mut().find(|(place, own, _)| *place == before && own.code == warning.code) {
                Some((.., count)) => *count += 1,
                None => pooled.push((before, warning.clone(), 1)),
            }
        }
    }
    let told = |(_, mut warning, count): (usize, Warning, usize)| {
        if count < runs.len() {
            warning.message = format!("{} (in {count} of {} runs)", warning.message, runs.len());
        }
        warning
    };
    pooled.into_iter().map(told).collect()
}

fn controls(runs: &[Run]) -> Vec<Control> {
    let of_first = runs.first().map_or(&[][..], |run| run.controls.as_slice());
    let control = |first: &Control| {
        let is_it = |own: &&Control| own.server == first.server && own.statement == first.statement;
        let own: Vec<&Control> = runs.iter().filter_map(|run| run.controls.iter().find(is_it)).collect();
        let histogram = merged(own.iter().map(|control| control.histogram.as_str()));
        Control {
            operations: own.iter().map(|control| control.operations).sum(),
            mean_ns: weighted(own.iter().map(|control| (control.mean_ns, control.operations))),
            min_ns: own.iter().filter_map(|control| control.min_ns).min(),
            max_ns: own.iter().filter_map(|control| control.max_ns).max(),
            percentiles_ns: percentiles(histogram.as_ref()),
            histogram: histogram.as_ref().map_or_else(String::new, encode),
            ..first.clone()
        }
    };
    of_first.iter().map(control).collect()
}

/// Those of all runs, in the order in which they first come up.
fn workloads(runs: &[Run], timing: Timing) -> Vec<WorkloadRun> {
    let mut groups: Vec<Vec<&WorkloadRun>> = Vec::new();
    for workload in runs.iter().flat_map(|run| &run.workloads) {
        let is_it = |own: &WorkloadRun| own.name == workload.name && own.codec == workload.codec;
        match groups.iter_mut().find(|group| group.first().is_some_and(|own| is_it(own))) {
            Some(group) => group.push(workload),
            None => groups.push(vec![workload]),
        }
    }
    groups.iter().filter_map(|group| workload(group, timing)).collect()
}

fn workload(runs: &[&WorkloadRun], timing: Timing) -> Option<WorkloadRun> {
    let first = *runs.first()?;
    let paths: Vec<PathRun> = first.paths.iter().map(|path| pooled_path(runs, path, timing)).collect();
    let mean = |name: &str| paths.iter().find(|path| path.path == name)?.mean_ns;
    let [mysql, cold, warm] = ["mysql", "cold", "warm"].map(mean);
    let speedup = quotient(mysql, warm);
    let miss_penalty = quotient(cold, mysql);
    let speedup =
        ratio_around(speedup, runs, timing, |run| run.speedup.or_else(|| bare_ratio(run, "mysql", "warm")));
    let miss_penalty = ratio_around(miss_penalty, runs, timing, |run| {
        run.miss_penalty.or_else(|| bare_ratio(run, "cold", "mysql"))
    });
    let cold_over_naive = ratio_around(quotient(cold, mean("naive")), runs, timing, |run| {
        run.cold_over_naive.or_else(|| bare_ratio(run, "cold", "naive"))
    });
    let break_even = break_even(runs, [mysql, cold, warm], timing);
    let warm_over_mysql = pooled_ratio(runs.iter().map(|run| run.warm_over_mysql), Scale::Logarithm, timing);
    let is_there = BTreeMap::from([
        ("speedup", speedup.is_some()),
        ("miss_penalty", miss_penalty.is_some()),
        ("break_even_hit_ratio", break_even.is_some()),
        ("warm_over_mysql", warm_over_mysql.is_some()),
        ("cold_over_naive", cold_over_naive.is_some()),
    ]);
    Some(WorkloadRun {
        value_bytes: mean_bytes(runs),
        rounds: runs.iter().map(|run| run.rounds).sum(),
        block: in_all(runs.iter().map(|run| run.block), timing),
        measured_s: measured_s(runs, timing),
        connection_groups: runs.iter().map(|run| run.connection_groups).sum(),
        typical: typical_ratios(runs, timing),
        controls: round_controls(runs, timing),
        speedup,
        miss_penalty,
        cold_over_naive,
        break_even_hit_ratio: break_even,
        warm_over_mysql,
        withheld: reasons(runs.iter().map(|run| &run.withheld), &is_there),
        hit_ratio_curve: curve(runs, cold, warm, timing),
        at_distance: at_distance(runs, timing),
        verified_hit_ratio: verified(runs, timing),
        // Each run's own are in its part of the file.
        server_counters: None,
        avoided: avoided(runs),
        redis_memory: runs.iter().rev().find_map(|run| run.redis_memory.clone()),
        query: query(runs),
        paths,
        ..first.clone()
    })
}

/// What simultaneous runs do together, and successive ones each.
fn in_all(numbers: impl Iterator<Item = u64>, timing: Timing) -> u64 {
    match timing {
        Timing::Successive => numbers.fold(0, u64::max),
        Timing::Simultaneous => numbers.sum(),
    }
}

fn measured_s(runs: &[&WorkloadRun], timing: Timing) -> Option<f64> {
    let seconds = runs.iter().map(|run| run.measured_s);
    match timing {
        Timing::Successive => seconds.sum(),
        Timing::Simultaneous => seconds.reduce(|longest, own| Some(longest?.max(own?))).flatten(),
    }
}

/// The query is the same in all runs; what it took and saw adds up.
fn query(runs: &[&WorkloadRun]) -> Option<OwnQueryRun> {
    let queries = || runs.iter().filter_map(|run| run.query.as_ref());
    let first = queries().next()?;
    let most = |of: fn(&OwnQueryRun) -> u64| queries().map(of).max().unwrap_or(0);
    Some(OwnQueryRun {
        most_rows: most(|query| query.most_rows),
        most_bytes: most(|query| query.most_bytes),
        changed_meanwhile: queries().map(|query| query.changed_meanwhile).sum(),
        database_s: queries().map(|query| query.database_s).sum(),
        ..first.clone()
    })
}

fn typical_ratios(runs: &[&WorkloadRun], timing: Timing) -> TypicalRatios {
    let ratio = |of: fn(&TypicalRatios) -> Option<Ratio>| {
        pooled_ratio(runs.iter().map(|run| of(&run.typical)), Scale::Logarithm, timing)
    };
    let break_even = all(runs.iter().map(|run| run.typical.break_even_hit_ratio))
        .and_then(|runs| pool(&runs, Scale::Plain, timing));
    TypicalRatios {
        speedup: ratio(|typical| typical.speedup),
        miss_penalty: ratio(|typical| typical.miss_penalty),
        break_even_hit_ratio: break_even.map(share),
    }
}

/// Every run's hit ratio, or none: that one run has none says something.
fn all(runs: impl Iterator<Item = Option<HitRatio>>) -> Option<Vec<Estimate>> {
    runs.map(|own| own.and_then(|own| estimate(own.value, own.ci95))).collect()
}

fn share(estimate: Estimate) -> HitRatio {
    let ci95 = estimate.ci95.clamped(0.0, 1.0);
    HitRatio { value: estimate.value, ci95: [ci95.low, ci95.high] }
}

fn mean_bytes(runs: &[&WorkloadRun]) -> Option<u64> {
    let bytes: Vec<u64> = runs.iter().filter_map(|run| run.value_bytes).collect();
    bytes.iter().sum::<u64>().checked_div(bytes.len() as u64)
}

/// Reasons for what is missing, from the first run that has one.
fn reasons<'a>(
    runs: impl Iterator<Item = &'a BTreeMap<String, String>>,
    is_there: &BTreeMap<&str, bool>,
) -> BTreeMap<String, String> {
    let mut pooled = BTreeMap::new();
    for (name, reason) in runs.flatten() {
        if is_there.get(name.as_str()) != Some(&true) {
            pooled.entry(name.clone()).or_insert_with(|| reason.clone());
        }
    }
    pooled
}

fn pooled_path(runs: &[&WorkloadRun], first: &PathRun, timing: Timing) -> PathRun {
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
        stalls: histogram.as_ref().and_then(stalls::stalls).map(Into::into),
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

fn round_controls(runs: &[&WorkloadRun], timing: Timing) -> Vec<RoundControl> {
    let of_first = runs.first().map_or(&[][..], |run| run.controls.as_slice());
    let control = |first: &RoundControl| {
        let own: Vec<&RoundControl> = runs
            .iter()
            .filter_map(|run| run.controls.iter().find(|control| control.statement == first.statement))
            .collect();
        let typical = estimates(own.iter().map(|control| (control.typical_ns, control.typical_ci95_ns)))
            .and_then(|runs| pool(&runs, Scale::Logarithm, timing));
        RoundControl {
            operations: own.iter().map(|control| control.operations).sum(),
            typical_ns: typical.map(|typical| typical.value),
            typical_ci95_ns: typical.as_ref().map(ends),
            ..first.clone()
        }
    };
    of_first.iter().map(control).collect()
}

fn break_even(
    runs: &[&WorkloadRun],
    [mysql, cold, warm]: [Option<f64>; 3],
    timing: Timing,
) -> Option<HitRatio> {
    let of_runs = all(runs.iter().map(|run| run.break_even_hit_ratio))?;
    let (mysql, cold, warm) = (mysql?, cold?, warm?);
    let value = ((cold - mysql) / (cold - warm)).clamp(0.0, 1.0);
    pool_around(value, &of_runs, Scale::Plain, timing).map(share)
}

/// What `--distance` asked for, from the means of all reads; intervals from those of the runs.
fn at_distance(runs: &[&WorkloadRun], timing: Timing) -> Option<AtDistance> {
    let own: Option<Vec<&AtDistance>> = runs.iter().map(|run| run.at_distance.as_ref()).collect();
    let own = own?;
    let first = *own.first()?;
    let mean_of = |found: &AtDistance, name: &str| found.mean_ns.get(name).copied().flatten();
    let reads = |run: &WorkloadRun, name: &str| {
        run.paths.iter().find(|path| path.path == name).map_or(0, |path| path.operations)
    };
    let mean = |name: &str| {
        weighted(own.iter().zip(runs).map(|(found, run)| (mean_of(found, name), reads(run, name))))
    };
    let interval = |name: &str| {
        let of_run =
            |found: &&AtDistance| (mean_of(found, name), found.mean_ci95_ns.get(name).copied().flatten());
        around(mean(name), own.iter().map(of_run), timing)
    };
    let ratio = |value: Option<f64>, of: fn(&AtDistance) -> Option<Ratio>| {
        let of_runs = most(own.iter().map(|found| of(found).and_then(|own| estimate(own.ratio, own.ci95))))?;
        let pooled = pool_around(value?, &of_runs, Scale::Logarithm, timing)?;
        Some(Ratio { ratio: pooled.value, ci95: ends(&pooled) })
    };
    let [mysql, cold, warm] = ["mysql", "cold", "warm"].map(mean);
    let speedup = ratio(quotient(mysql, warm), |found| found.speedup);
    let miss_penalty = ratio(quotient(cold, mysql), |found| found.miss_penalty);
    let break_even = all(own.iter().map(|found| found.break_even_hit_ratio)).and_then(|of_runs| {
        let (mysql, cold, warm) = (mysql?, cold?, warm?);
        let value = ((cold - mysql) / (cold - warm)).clamp(0.0, 1.0);
        pool_around(value, &of_runs, Scale::Plain, timing).map(share)
    });
    let is_there = BTreeMap::from([
        ("speedup", speedup.is_some()),
        ("miss_penalty", miss_penalty.is_some()),
        ("break_even_hit_ratio", break_even.is_some()),
    ]);
    Some(AtDistance {
        mean_ns: first.mean_ns.keys().map(|name| (name.clone(), mean(name))).collect(),
        mean_ci95_ns: first.mean_ci95_ns.keys().map(|name| (name.clone(), interval(name))).collect(),
        speedup,
        miss_penalty,
        break_even_hit_ratio: break_even,
        withheld: reasons(own.iter().map(|found| &found.withheld), &is_there),
        ..first.clone()
    })
}

fn curve(runs: &[&WorkloadRun], cold: Option<f64>, warm: Option<f64>, timing: Timing) -> Vec<CurvePoint> {
    let of_first = runs.first().map_or(&[][..], |run| run.hit_ratio_curve.as_slice());
    let point = |first: &CurvePoint| {
        let hits = first.hit_percent as f64 / 100.0;
        // At either end one of the two is enough.
        let term =
            |share: f64, mean: Option<f64>| if share > 0.0 { mean.map(|ns| share * ns) } else { Some(0.0) };
        let mean_ns = term(hits, warm).zip(term(1.0 - hits, cold)).map(|(hits, misses)| hits + misses);
        let of_runs = runs.iter().map(|run| {
            let own = run.hit_ratio_curve.iter().find(|own| own.hit_percent == first.hit_percent);
            own.map_or((None, None), |own| (own.mean_ns, own.mean_ci95_ns))
        });
        CurvePoint { mean_ns, mean_ci95_ns: around(mean_ns, of_runs, timing), ..*first }
    };
    of_first.iter().map(point).collect()
}

fn verified(runs: &[&WorkloadRun], timing: Timing) -> Option<VerifiedHitRatio> {
    let own: Vec<&VerifiedHitRatio> = runs.iter().filter_map(|run| run.verified_hit_ratio.as_ref()).collect();
    let first = *own.first()?;
    let histogram = merged(own.iter().map(|verified| verified.histogram.as_str()));
    let reads = |verified: &&VerifiedHitRatio| verified.operations;
    let mean_ns = weighted(own.iter().map(|verified| (verified.mean_ns, reads(verified))));
    let expected_mean_ns = weighted(own.iter().map(|verified| (verified.expected_mean_ns, reads(verified))));
    let measured_over_expected =
        pooled_ratio(own.iter().map(|verified| verified.measured_over_expected), Scale::Logarithm, timing);
    let withheld = own.iter().find_map(|verified| verified.withheld.clone());
    Some(VerifiedHitRatio {
        operations: own.iter().map(reads).sum(),
        hits: own.iter().map(|verified| verified.hits).sum(),
        misses: own.iter().map(|verified| verified.misses).sum(),
        errors: errors(own.iter().map(|verified| &verified.errors)),
        mean_ns,
        mean_ci95_ns: around(
            mean_ns,
            own.iter().map(|verified| (verified.mean_ns, verified.mean_ci95_ns)),
            timing,
        ),
        expected_mean_ns,
        expected_mean_ci95_ns: around(
            expected_mean_ns,
            own.iter().map(|verified| (verified.expected_mean_ns, verified.expected_mean_ci95_ns)),
            timing,
        ),
        withheld: withheld.filter(|_| measured_over_expected.is_none()),
        measured_over_expected,
        percentiles_ns: percentiles(histogram.as_ref()),
        histogram: histogram.as_ref().map_or_else(String::new, encode),
        ..first.clone()
    })
}

fn avoided(runs: &[&WorkloadRun]) -> Option<Avoided> {
    let own: Option<Vec<&Avoided>> = runs.iter().map(|run| run.avoided.as_ref()).collect();
    let own = own?;
    Some(Avoided {
        mysql_reads: own.iter().map(|avoided| avoided.mysql_reads).sum(),
        innodb_page_requests: sum(own.iter().map(|avoided| avoided.innodb_page_requests)),
        innodb_disk_reads: sum(own.iter().map(|avoided| avoided.innodb_disk_reads)),
    })
}

/// Of all runs, or none at all.
fn sum(numbers: impl Iterator<Item = Option<u64>>) -> Option<u64> {
    numbers.sum()
}

fn errors<'a>(runs: impl Iterator<Item = &'a BTreeMap<String, u64>>) -> BTreeMap<String, u64> {
    let mut pooled = BTreeMap::new();
    for (kind, count) in runs.flatten() {
        *pooled.entry(kind.clone()).or_default() += count;
    }
    pooled
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

/// Of one read of all runs together; none if a run does not say.
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

/// The mean of means, each by its number of reads.
fn weighted(means: impl Iterator<Item = (Option<f64>, u64)>) -> Option<f64> {
    let (mut sum, mut reads) = (0.0, 0.0);
    for (mean, count) in means {
        if let Some(mean) = mean {
            sum += mean * count as f64;
            reads += count as f64;
        }
    }
    (reads > 0.0).then(|| sum / reads)
}

fn quotient(above: Option<f64>, below: Option<f64>) -> Option<f64> {
    let quotient = above? / below?;
    (quotient.is_finite() && quotient > 0.0).then_some(quotient)
}

/// Of a run whose rounds are too few for an interval: what runs differ by gives one all the same.
fn bare_ratio(run: &WorkloadRun, above: &str, below: &str) -> Option<Ratio> {
    let mean = |name: &str| run.paths.iter().find(|path| path.path == name)?.mean_ns;
    let ratio = quotient(mean(above), mean(below))?;
    Some(Ratio { ratio, ci95: [ratio, ratio] })
}

fn ratio_around(
    value: Option<f64>,
    runs: &[&WorkloadRun],
    timing: Timing,
    of: impl Fn(&WorkloadRun) -> Option<Ratio>,
) -> Option<Ratio> {
    let of_runs = most(runs.iter().map(|run| of(run).and_then(|own| estimate(own.ratio, own.ci95))))?;
    let value = value?;
    let pooled = pool_around(value, &of_runs, Scale::Logarithm, timing)?;
    Some(Ratio { ratio: value, ci95: ends(&pooled) })
}

fn pooled_ratio(runs: impl Iterator<Item = Option<Ratio>>, scale: Scale, timing: Timing) -> Option<Ratio> {
    let runs = most(runs.map(|own| own.and_then(|own| estimate(own.ratio, own.ci95))))?;
    let pooled = pool(&runs, scale, timing)?;
    Some(Ratio { ratio: pooled.value, ci95: ends(&pooled) })
}

fn around(
    value: Option<f64>,
    runs: impl Iterator<Item = (Option<f64>, Option<[f64; 2]>)>,
    timing: Timing,
) -> Option<[f64; 2]> {
    pool_around(value?, &estimates(runs)?, Scale::Logarithm, timing).as_ref().map(ends)
}

/// Every run's own. A value without an interval still tells how runs differ.
fn estimates(runs: impl Iterator<Item = (Option<f64>, Option<[f64; 2]>)>) -> Option<Vec<Estimate>> {
    most(runs.map(|(value, ci95)| {
        let value = value?;
        estimate(value, ci95.unwrap_or([value, value]))
    }))
}

/// Those of the runs that have one, if at least half of them do: rounds of one run may be too much alike to say anything.
fn most(runs: impl Iterator<Item = Option<Estimate>>) -> Option<Vec<Estimate>> {
    let all: Vec<Option<Estimate>> = runs.collect();
    let known: Vec<Estimate> = all.iter().copied().flatten().collect();
    (2 * known.len() >= all.len()).then_some(known)
}

fn estimate(value: f64, [low, high]: [f64; 2]) -> Option<Estimate> {
    Interval::new(low, high).map(|ci95| Estimate { value, ci95 })
}

fn ends(estimate: &Estimate) -> [f64; 2] {
    [estimate.ci95.low, estimate.ci95.high]
}

fn percentiles(histogram: Option<&Histogram<u64>>) -> BTreeMap<String, Option<u64>> {
    let value = |percentile: f64| {
        histogram
            .filter(|histogram| histogram.len() >= samples_needed(percentile))
            .map(|histogram| histogram.value_at_percentile(percentile))
    };
    PERCENTILES.iter().map(|(name, percentile)| ((*name).to_owned(), value(*percentile))).collect()
}

/// None if one of them cannot be read: a part is not the whole.
fn merged<'a>(encoded: impl Iterator<Item = &'a str>) -> Option<Histogram<u64>> {
    let mut sum: Histogram<u64> = Histogram::new_with_bounds(1, MAX_NS, 3).ok()?;
    for text in encoded {
        sum.add(&decode(text)?).ok()?;
    }
    Some(sum)
}

fn decode(text: &str) -> Option<Histogram<u64>> {
    let bytes = STANDARD.decode(text).ok()?;
    Deserializer::new().deserialize(&mut bytes.as_slice()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample_runs;

    /// A run that is slower by a factor, with other reads.
    fn run(reads: usize, factor: f64) -> Run {
        let mut run = sample_runs::full(reads);
        run.config.rng_seed += 1;
        for path in run.workloads.iter_mut().flat_map(|workload| &mut workload.paths) {
            path.mean_ns = path.mean_ns.map(|ns| ns * factor);
            path.mean_ci95_ns = path.mean_ci95_ns.map(|ci95| ci95.map(|ns| ns * factor));
            path.typical_ns = path.typical_ns.map(|ns| ns * factor);
            path.typical_ci95_ns = path.typical_ci95_ns.map(|ci95| ci95.map(|ns| ns * factor));
        }
        run
    }

    #[test]
    fn reads_add_up_and_intervals_hold_what_differs() {
        let runs = [1.0, 1.2, 0.9, 1.1, 0.95].map(|factor| run(1_000, factor)).to_vec();
        let own = runs[0].workloads[1].paths[2].clone();
        let pooled = pool_runs(&runs, false).unwrap();
        assert_eq!((pooled.runs.len(), pooled.interrupted), (5, false));
        let warm = &pooled.workloads[1].paths[2];
        assert_eq!((warm.operations, warm.hits), (5_000, Some(5_000)));
        assert_eq!((warm.min_ns, warm.percentiles_ns["50"]), (own.min_ns, own.percentiles_ns["50"]));
        assert!((warm.mean_ns.unwrap() / own.mean_ns.unwrap() - 1.03).abs() < 1e-6);
        let [low, high] = warm.mean_ci95_ns.unwrap();
        let half = high / warm.mean_ns.unwrap();
        // Student's quantile of four degrees of freedom, on logarithms of a standard deviation of 0.114.
        assert!((1.13..1.17).contains(&half) && low < own.mean_ns.unwrap(), "{half}");
        let speedup = pooled.workloads[1].speedup.unwrap();
        assert!(speedup.ci95[0] < speedup.ratio && speedup.ratio < speedup.ci95[1]);
        assert!(warm.over_control.as_ref().unwrap().typical.is_some());
        // With five times the reads a percentile is there that none of the runs could carry.
        let few = pool_runs(&(0..10).map(|_| run(100, 1.0)).collect::<Vec<_>>(), false).unwrap();
        let warm = &few.workloads[1].paths[2];
        assert!(warm.percentiles_ns["99"].is_some() && warm.percentiles_ci95_ns["99"].is_none());
    }

    #[test]
    fn merged_halves_have_every_percentile_of_the_whole() {
        for (seed, first) in [(1, 10_000), (2, 18_000), (3, 600), (4, 1)] {
            let reads = sample_runs::latencies(seed, 20_000, 50e3, 0.8);
            let of = |reads: &[u64]| {
                let mut run = sample_runs::full(100);
                run.workloads[1].paths = vec![sample_runs::path_of("warm", reads)];
                run.workloads.remove(0);
                run
            };
            let whole = of(&reads).workloads[0].paths[0].clone();
            let (one, other) = reads.split_at(first);
            let merged = merge_runs(&[of(one), of(other)]).unwrap();
            let path = &merged.workloads[0].paths[0];
            assert_eq!(path.percentiles_ns, whole.percentiles_ns);
            assert_eq!(path.histogram, whole.histogram, "not a bit is lost");
            assert_eq!((path.operations, path.min_ns, path.max_ns), (20_000, whole.min_ns, whole.max_ns));
            assert!((path.mean_ns.unwrap() / whole.mean_ns.unwrap() - 1.0).abs() < 1e-9);
        }
    }

    #[test]
    fn generators_add_their_clients_and_rates_and_are_no_surer_than_one() {
        let runs = [1.0, 1.0, 1.0].map(|factor| run(1_000, factor));
        let merged = merge_runs(&runs).unwrap();
        let (one, all) = (&runs[0].workloads[1].paths[2], &merged.workloads[1].paths[2]);
        assert_eq!((merged.generators, merged.config.clients), (3, 3 * runs[0].config.clients));
        assert_eq!((merged.wall_s, merged.runs.len()), (runs[0].wall_s, 3));
        let rate = |path: &PathRun| path.throughput_per_s.unwrap();
        assert!((rate(all) / rate(one) / 3.0 - 1.0).abs() < 1e-9);
        let width = |path: &PathRun| path.mean_ci95_ns.map(|[low, high]| high / low).unwrap();
        assert!(width(all) > width(one) * 0.999, "{} {}", width(all), width(one));
        let successive = pool_runs(&runs, false).unwrap();
        assert!(width(&successive.workloads[1].paths[2]) < width(one) * 0.99);
    }

    #[test]
    fn the_results_at_a_distance_are_those_of_all_runs() {
        let at = |factor: f64| {
            let means = |ns: f64| ["mysql", "cold", "warm"].map(|name| (name.to_owned(), ns * factor));
            let ratio = |value: f64| Some(Ratio { ratio: value, ci95: [value * 0.9, value * 1.1] });
            let mut run = run(1_000, factor);
            run.workloads[1].at_distance = Some(AtDistance {
                mysql_extra_ns: 5e5,
                redis_extra_ns: 5e5,
                mean_ns: means(6e5).map(|(name, ns)| (name, Some(ns))).into(),
                mean_ci95_ns: means(6e5).map(|(name, ns)| (name, Some([ns * 0.9, ns * 1.1]))).into(),
                speedup: ratio(1.1 * factor),
                miss_penalty: ratio(4.0),
                break_even_hit_ratio: None,
                withheld: BTreeMap::from([("break_even_hit_ratio".to_owned(), "noise".to_owned())]),
            });
            run
        };
        let pooled = pool_runs(&[at(1.0), at(1.2)], false).unwrap().workloads.remove(1);
        let found = pooled.at_distance.unwrap();
        assert!((found.mean_ns["cold"].unwrap() - 6.6e5).abs() < 1.0, "{found:?}");
        assert!(found.mean_ci95_ns["cold"].unwrap()[1] > 7.2e5);
        assert!(found.speedup.is_some() && found.withheld.contains_key("break_even_hit_ratio"));
        let mut without = at(1.0);
        without.workloads[1].at_distance = None;
        assert!(pool_runs(&[at(1.0), without], false).unwrap().workloads[1].at_distance.is_none());
    }

    #[test]
    fn runs_too_short_for_an_interval_have_one_together() {
        let pooled = pool_runs(&[1.0, 1.1, 1.2].map(|factor| run(5, factor)), false).unwrap();
        let workload = &pooled.workloads[0];
        assert!(workload.speedup.is_some() && workload.paths[0].mean_ci95_ns.is_some());
        assert!(workload.break_even_hit_ratio.is_none());
        assert!(workload.withheld.contains_key("break_even_hit_ratio"));
        assert!(!workload.withheld.contains_key("speedup"));
    }

    #[test]
    fn a_figure_that_most_runs_have_is_pooled_from_those() {
        let typical = |without: usize| {
            let mut runs = [1.0, 1.1, 0.9, 1.2].map(|factor| run(100, factor));
            for run in runs.iter_mut().take(without) {
                run.workloads[1].paths[2].typical_ns = None;
                run.workloads[1].paths[2].over_control.as_mut().unwrap().typical = None;
            }
            let path = pool_runs(&runs, false).unwrap().workloads[1].paths[2].clone();
            (path.typical_ci95_ns.is_some(), path.over_control.unwrap().typical.is_some())
        };
        assert_eq!([0, 1, 2, 3].map(typical), [(true, true), (true, true), (true, true), (false, false)]);
    }

    #[test]
    fn one_run_stays_itself_and_none_is_none() {
        let one = run(100, 1.0);
        let pooled = pool_runs(std::slice::from_ref(&one), true).unwrap();
        assert_eq!(pooled, Run { interrupted: true, ..one });
        assert_eq!(pool_runs(&[], false), None);
    }

    #[test]
    fn a_workload_that_one_run_did_not_reach_is_pooled_from_the_others() {
        let mut runs = vec![run(100, 1.0), run(100, 1.1)];
        runs[1].workloads.pop();
        runs[0].workloads[1].paths[0].histogram = "damaged".to_owned();
        let pooled = pool_runs(&runs, false).unwrap();
        assert_eq!(pooled.workloads.len(), 2);
        assert_eq!(pooled.workloads[1].paths[1].operations, 100);
        assert!(pooled.workloads[1].paths[0].percentiles_ns["50"].is_none());
    }

    #[test]
    fn warnings_say_in_how_many_runs() {
        let mut runs = vec![run(100, 1.0), run(100, 1.1), run(100, 1.2)];
        let warning = |code: &str| Warning { code: code.to_owned(), message: format!("{code}.") };
        runs[0].warnings = vec![warning("debug_build"), warning("outliers")];
        runs[1].warnings = vec![warning("debug_build")];
        runs[2].warnings = vec![warning("debug_build"), warning("outliers")];
        let told: Vec<String> = warnings(&runs).into_iter().map(|warning| warning.message).collect();
        assert_eq!(told, ["debug_build.", "outliers. (in 2 of 3 runs)"]);
    }
}
