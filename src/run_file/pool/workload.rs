//! The same workload of several runs as one.

use std::collections::BTreeMap;

use super::estimates::{
    all, around, ends, errors, estimate, estimates, most, pooled_ratio, quotient, ratio_around, share, sum,
    weighted,
};
use super::histograms::{merged, percentiles};
use super::path::pooled_path;
use crate::run_file::build::encode;
use crate::run_file::own::OwnQueryRun;
use crate::run_file::{
    AtDistance, Avoided, CurvePoint, HitRatio, PathRun, Ratio, RoundControl, TypicalRatios, VerifiedHitRatio,
    WorkloadRun,
};
use crate::stats::between_runs::{Scale, Timing, pool, pool_around};

pub(super) fn workload(runs: &[&WorkloadRun], timing: Timing) -> Option<WorkloadRun> {
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

/// The sum of simultaneous runs, and the mean of successive ones.
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
        connections_s: queries().map(|query| query.connections_s).sum(),
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

/// The result for `--distance`, from the means of all reads; intervals from those of the runs.
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

/// The ratio of a run whose rounds are too few for an interval: the differences between runs give
/// one all the same.
fn bare_ratio(run: &WorkloadRun, above: &str, below: &str) -> Option<Ratio> {
    let mean = |name: &str| run.paths.iter().find(|path| path.path == name)?.mean_ns;
    let ratio = quotient(mean(above), mean(below))?;
    Some(Ratio { ratio, ci95: [ratio, ratio] })
}
