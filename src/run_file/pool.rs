//! Several runs of one bench as one: reads are added up, and every interval holds what differs
//! between the runs. The runs were made one after the other (`bench --runs`) or by several load
//! generators at the same time (`merge`).

mod estimates;
mod histograms;
mod path;
mod workload;

use estimates::weighted;
use histograms::{decode, merged, percentiles};
use workload::workload;

use super::build::encode;
use super::{AssertionRun, Config, Control, PathRun, Run, RunPart, Warning, WorkloadRun};
use crate::stats::between_runs::Timing;

/// One run of all of them, with the assertions that were made of its workloads; none for no runs.
/// If one of them was interrupted, or `interrupted` says so, the whole is marked as interrupted.
pub(crate) fn pool_runs(
    runs: &[Run],
    interrupted: bool,
    judge: impl FnOnce(&[WorkloadRun]) -> Vec<AssertionRun>,
) -> Option<Run> {
    let (first, others) = runs.split_first()?;
    if others.is_empty() {
        let assertions = judge(&first.workloads);
        return Some(Run { interrupted: interrupted || first.interrupted, assertions, ..first.clone() });
    }
    Some(Run {
        wall_s: runs.iter().map(|run| run.wall_s).sum(),
        interrupted: interrupted || runs.iter().any(|run| run.interrupted),
        ..combine(first, runs, Timing::Successive, judge)
    })
}

/// The runs of several load generators, made at the same time, as one run of all their clients;
/// none for no runs.
pub(crate) fn merge_runs(runs: &[Run]) -> Option<Run> {
    let first = runs.first()?;
    // They judged a part of the reads.
    let merged = combine(first, runs, Timing::Simultaneous, |_| Vec::new());
    let started_at = runs.iter().map(|run| &run.started_at).min().unwrap_or(&first.started_at);
    Some(Run {
        started_at: started_at.clone(),
        wall_s: runs.iter().map(|run| run.wall_s).fold(0.0, f64::max),
        interrupted: runs.iter().any(|run| run.interrupted),
        config: Config { clients: runs.iter().map(|run| run.config.clients).sum(), ..first.config.clone() },
        generators: runs.len() as u64,
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

fn combine(
    first: &Run,
    runs: &[Run],
    timing: Timing,
    judge: impl FnOnce(&[WorkloadRun]) -> Vec<AssertionRun>,
) -> Run {
    let workloads = workloads(runs, timing);
    Run {
        controls: controls(runs),
        assertions: judge(&workloads),
        workloads,
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

/// Each once, with how many runs had it. A code that a run has several times stands for several
/// workloads.
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::report::sample_runs;
    use crate::run_file::{AtDistance, Ratio};

    fn pool_runs(runs: &[Run], interrupted: bool) -> Option<Run> {
        super::pool_runs(runs, interrupted, |_| Vec::new())
    }

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
        // Student's quantile of four degrees of freedom, on logarithms of a standard deviation of
        // 0.114.
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
