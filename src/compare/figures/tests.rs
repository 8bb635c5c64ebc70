//! Changes of runs of a world whose machine, ways and servers are known.

use super::*;
use crate::model::Verdict;
use crate::report::sample_runs;
use crate::stats::comparison::verdict;

/// The times of servers and cache, in µs.
#[derive(Clone, Copy)]
struct World {
    ping: f64,
    select_1: f64,
    query: f64,
    /// Beside its round trip.
    hit: f64,
    /// Beside the query and three round trips.
    miss: f64,
}

const WORLD: World = World { ping: 20.0, select_1: 25.0, query: 70.0, hit: 6.0, miss: 40.0 };

impl World {
    /// Every time so many times as long.
    fn slower(self, factor: f64) -> Self {
        let [ping, select_1, query, hit, miss] =
            [self.ping, self.select_1, self.query, self.hit, self.miss].map(|us| us * factor);
        Self { ping, select_1, query, hit, miss }
    }

    /// Each exchange takes so much longer.
    fn farther(self, us: f64) -> Self {
        Self { ping: self.ping + us, select_1: self.select_1 + us, query: self.query + us, ..self }
    }

    /// A bench of it, with intervals of one percent.
    fn bench(self) -> WorkloadRun {
        let mut workload = sample_runs::full(1_000).workloads.remove(1);
        for control in &mut workload.controls {
            let us = if control.statement == "PING" { self.ping } else { self.select_1 };
            control.typical_ns = Some(us * 1e3);
        }
        let warm = self.ping + self.hit;
        let cold = self.query + 3.0 * self.ping + self.miss;
        for path in &mut workload.paths {
            let (us, cost) = match path.path.as_str() {
                "mysql" => (self.query, self.query / self.select_1),
                "cold" => (cold, (cold - self.query) / self.ping),
                _ => (warm, warm / self.ping),
            };
            let ns = us * 1e3;
            let sure = |value: f64| [value * 0.99, value * 1.01];
            let ratio = Some(Ratio { ratio: cost, ci95: sure(cost) });
            let over = path.over_control.as_mut().unwrap();
            (over.typical, over.mean) = (ratio, ratio);
            (path.typical_ns, path.typical_ci95_ns) = (Some(ns), Some(sure(ns)));
            (path.mean_ns, path.mean_ci95_ns) = (Some(ns), Some(sure(ns)));
            path.percentiles_ns.insert("99".to_owned(), Some(crate::units::whole(2.0 * ns)));
            path.percentiles_ci95_ns.insert("99".to_owned(), Some(sure(2.0 * ns)));
        }
        workload
    }
}

/// The change between five runs each, so that nothing is assumed.
fn changed(path: &str, figure: Figure, candidate: World) -> Estimate {
    let (baseline, candidate) = (WORLD.bench(), candidate.bench());
    let side = |workload| Side { workload, parts: vec![workload; 5] };
    change(path, figure, &side(&baseline), &side(&candidate)).unwrap().estimate
}

fn verdicts(candidate: World) -> Vec<Verdict> {
    let of_path = |path: &'static str| {
        Figure::SHOWN.map(|figure| verdict(&changed(path, figure, candidate), 0.1)).to_vec()
    };
    ["warm", "cold"].into_iter().flat_map(of_path).collect()
}

#[test]
fn whatever_mysql_does_is_no_change_of_the_cache() {
    for factor in [0.75, 1.0, 1.5, 3.0] {
        let candidate = World { query: WORLD.query * factor, ..WORLD };
        for figure in [Figure::Typical, Figure::Mean] {
            for path in ["warm", "cold"] {
                let change = changed(path, figure, candidate);
                assert!(change.ci95.contains(1.0), "{path} {factor}: {change:?}");
                assert_eq!(verdict(&change, 0.1), Verdict::Unchanged, "{path} {factor}");
            }
        }
        // A slow miss may owe its time to a slow query: that it is unchanged stays possible.
        let tail = changed("cold", Figure::Percentile("99"), candidate);
        assert!(tail.ci95.low < 1.1 && tail.ci95.high > 0.9, "{factor}: {tail:?}");
        let mysql = changed("mysql", Figure::Typical, candidate).value;
        assert!((mysql - factor).abs() < 1e-6, "{mysql}");
    }
}

#[test]
fn a_slower_machine_and_a_longer_way_are_no_regression() {
    for candidate in [WORLD.slower(1.5), WORLD.slower(0.7), WORLD.farther(500.0), WORLD.farther(10.0)] {
        for verdict in verdicts(candidate) {
            assert!(!matches!(verdict, Verdict::Regressed | Verdict::Improved), "{verdict:?}");
        }
    }
    assert!(verdicts(WORLD.slower(1.1))[..2].iter().all(|verdict| *verdict == Verdict::Unchanged));
}

#[test]
fn a_slower_cache_is_found_whatever_else_happens() {
    let slow_hits = World { hit: WORLD.hit + 0.20 * (WORLD.ping + WORLD.hit), ..WORLD };
    let slow_misses = World { miss: WORLD.miss * 2.0 + 40.0, ..WORLD };
    for make in [
        |world: World| world,
        |world: World| world.slower(1.1),
        |world: World| World { query: world.query * 0.75, ..world },
    ] {
        let typical = verdict(&changed("warm", Figure::Typical, make(slow_hits)), 0.1);
        assert_eq!(typical, Verdict::Regressed);
        let mean = verdict(&changed("cold", Figure::Mean, make(slow_misses)), 0.1);
        assert_eq!(mean, Verdict::Regressed);
    }
    assert_eq!(verdict(&changed("cold", Figure::Mean, slow_hits), 0.1), Verdict::Unchanged);
}

#[test]
fn larger_entries_are_a_change_of_the_cache_not_of_the_server() {
    let mut baseline = sample_runs::full(1_000).workloads.remove(0);
    baseline.paths[2].operations -= 1;
    let mut candidate = sample_runs::full(1_000).workloads.remove(0);
    // Twice the bytes: the bare transfer and the hit take twice as long.
    candidate.value_bytes = candidate.value_bytes.map(|bytes| 2 * bytes);
    candidate.controls[2].typical_ns = candidate.controls[2].typical_ns.map(|ns| 2.0 * ns);
    let side = |workload| Side { workload, parts: vec![workload; 5] };
    let change = change("warm", Figure::Typical, &side(&baseline), &side(&candidate)).unwrap();
    assert!((1.8..2.2).contains(&change.estimate.value), "{change:?}");
    assert!(change.judged_by.contains("GET"));
}

#[test]
fn the_same_reads_are_equal_however_few() {
    let one = sample_runs::full(5).workloads.remove(0);
    let side = Side { workload: &one, parts: Vec::new() };
    for path in ["mysql", "cold", "warm"] {
        let change = change(path, Figure::Typical, &side, &side).unwrap().estimate;
        assert_eq!((change.value, change.ci95), (1.0, Interval { low: 1.0, high: 1.0 }));
    }
}

#[test]
fn what_cannot_be_compared_says_why() {
    let baseline = sample_runs::full(1_000).workloads.remove(1);
    let said = |path: &str, figure, edit: &dyn Fn(&mut WorkloadRun)| {
        let mut candidate = baseline.clone();
        candidate.paths.iter_mut().for_each(|path| path.operations += 1);
        edit(&mut candidate);
        let side = |workload| Side { workload, parts: Vec::new() };
        change(path, figure, &side(&baseline), &side(&candidate)).unwrap_err()
    };
    let typical = Figure::Typical;
    let reasons = [
        said("disk", typical, &|_| ()),
        said("warm", typical, &|run| run.paths.truncate(2)),
        said("warm", typical, &|run| run.paths[2].operations = 0),
        said("cold", typical, &|run| {
            run.paths[1].over_control.as_mut().unwrap().typical = None;
            run.paths.remove(0);
        }),
        said("cold", typical, &|run| run.paths[1].over_control = None),
        said("warm", Figure::Mean, &|run| {
            let over = run.paths[2].over_control.as_mut().unwrap();
            (over.mean, over.withheld) = (None, Some("3 rounds are too few".to_owned()));
        }),
        said("warm", Figure::Percentile("99.9"), &|_| ()),
        said("warm", typical, &|run| {
            run.paths[2].over_control = None;
            run.warm_over_mysql = None;
        }),
    ];
    insta::assert_snapshot!(reasons.join("\n"));
}
