//! Sample documents of traffic, and their pages.

use std::collections::BTreeMap;

use super::*;
use crate::compare::{TrafficComparison, TrafficOptions, compare_traffic};
use crate::report::render::markdown;
use crate::report::render::terminal::{self, Screen};
use crate::report::sample_runs;
use crate::traffic_file::{Distribution, FORMAT, FORMAT_VERSION, Operations};

fn distribution(count: u64, mean: f64) -> Distribution {
    let percentiles = [("50", 0.9), ("90", 1.5), ("95", 2.0), ("99", 4.0), ("99.9", 9.0)];
    let ns = |times: f64| (count > 1_000).then(|| units::whole(mean * times));
    Distribution {
        operations: count,
        mean_ns: (count > 0).then_some(mean),
        mean_ci95_ns: (count > 0).then_some([mean * 0.97, mean * 1.03]),
        min_ns: (count > 0).then_some(5_000),
        max_ns: (count > 0).then(|| units::whole(mean * 30.0)),
        percentiles_ns: percentiles.iter().map(|(name, times)| ((*name).to_owned(), ns(*times))).collect(),
        percentiles_ci95_ns: percentiles
            .iter()
            .map(|(name, times)| {
                ((*name).to_owned(), ns(*times).map(|ns| [ns as f64 * 0.9, ns as f64 * 1.1]))
            })
            .collect(),
        histogram: sample_runs::encode(&spread(count, mean)),
    }
}

/// So many times, from a third of the mean on, most of them short.
fn spread(count: u64, mean: f64) -> Vec<u64> {
    let share = |index: u64| index as f64 / count.max(1) as f64;
    (0..count).map(|index| units::whole(mean * (0.3 + 2.5 * share(index).powi(4)))).collect()
}

fn strategy(name: &str, mean: f64, hits: Option<f64>) -> Strategy {
    let done = 20_000;
    let seconds = (0..10).map(|second| SecondRow {
        second,
        offered: 2_000,
        done: 2_000,
        failed: 0,
        given_up: 0,
        hits: units::whole(1_900.0 * hits.unwrap_or(0.0)),
        loads: units::whole(1_900.0 * (1.0 - hits.unwrap_or(0.0))),
        stale_reads: 0,
        response_mean_ns: Some(mean),
        response_p50_ns: Some(units::whole(mean)),
        response_p99_ns: Some(units::whole(mean * (3.0 + (second % 4) as f64))),
        response_max_ns: Some(units::whole(mean * 20.0)),
    });
    let operations = |operations, mean| Operations { operations, mean_ns: (operations > 0).then_some(mean) };
    let hit = units::whole(19_000.0 * hits.unwrap_or(0.0));
    Strategy {
        strategy: name.to_owned(),
        workload: None,
        ended_early: None,
        measured_s: 10.0,
        offered: done,
        done,
        errors: BTreeMap::new(),
        first_error: None,
        given_up: 0,
        throughput_per_s: 2_000.0,
        response: distribution(done, mean),
        service: distribution(done, mean * 0.9),
        waiting_mean_ns: Some(900.0),
        waking: distribution(done, 11_000.0),
        hits: operations(hit, 30_000.0),
        loads: operations(19_000 - hit, mean),
        writes: operations(1_000, 900_000.0),
        hit_ratio: hits,
        hit_ratio_ci95: hits.map(|share| [share - 0.004, share + 0.004]),
        expected_hit_ratio: hits.map(|share| share + 0.002),
        stale_reads: u64::from(name == "naive") * 12,
        stale_age_max_ns: (name == "naive").then_some(3_000_000),
        wrong_reads: 0,
        changed_reads: 0,
        database_loads: 19_000 - hit,
        seconds: seconds.collect(),
        max_rate: None,
        obstacle: None,
    }
}

pub(crate) fn sample() -> Document {
    let environment = sample_runs::full(100).environment;
    Document {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        rcache_version: "0.1.0".to_owned(),
        started_at: "2026-01-02T03:04:05Z".to_owned(),
        wall_s: 31.5,
        interrupted: false,
        environment,
        config: Config {
            kind: "open".to_owned(),
            rate_per_s: Some(2_000.0),
            arrivals: Some("poisson".to_owned()),
            find: None,
            duration_s: Some(10.0),
            clients: 16,
            keys: 10_000,
            popularity: Some("zipf:1".to_owned()),
            writes_share: Some(0.05),
            ttl_s: 60.0,
            cold: false,
            late_s: None,
            cores_awake: true,
            rng_seed: 42,
            workloads: Vec::new(),
        },
        strategies: vec![
            strategy("mysql", 180_000.0, None),
            strategy("naive", 70_000.0, Some(0.9)),
            strategy("lease", 75_000.0, Some(0.9)),
        ],
        assertions: Vec::new(),
        warnings: Vec::new(),
    }
}

/// With every part that a page can have.
pub(crate) fn troubled() -> Document {
    let mut document = sample();
    document.interrupted = true;
    let mysql = &mut document.strategies[0];
    mysql.offered = 40_000;
    mysql.given_up = 19_400;
    mysql.errors = [("mysql".to_owned(), 600)].into();
    mysql.first_error = Some("connection refused".to_owned());
    mysql.ended_early = Some("failures".to_owned());
    document.assertions = vec![AssertionRun {
        expression: "lease.p99 < 5ms".to_owned(),
        codec: None,
        verdict: Judgement::Passed,
        value: Some(300_000.0),
        ci95: None,
        reason: None,
    }];
    document
}

pub(crate) fn searched() -> Document {
    let mut document = sample();
    document.config = Config {
        kind: "find".to_owned(),
        rate_per_s: None,
        find: Some("p99 < 5ms".to_owned()),
        duration_s: None,
        ..document.config
    };
    document.strategies.remove(1);
    for (strategy, per_s) in document.strategies.iter_mut().zip([8_000.0, 21_000.0]) {
        let interval = Some([per_s * 0.97, per_s * 1.03]);
        strategy.max_rate =
            Some(MaxRate { kind: "between".to_owned(), per_s, interval_per_s: interval, trials: 11 });
    }
    document
}

/// The page of a workload and a query of the user's own.
pub(crate) fn of_workloads() -> Document {
    let mut document = sample();
    let workload = |name: &str, keys, statement: Option<&str>| WorkloadConfig {
        name: name.to_owned(),
        codec: "postcard".to_owned(),
        keys,
        statement: statement.map(str::to_owned),
    };
    document.config.writes_share = Some(0.0);
    document.config.workloads =
        vec![workload("point", 10_000, None), workload("orders", 500, Some("SELECT * FROM o WHERE id = ?"))];
    document.strategies.remove(1);
    let mut strategies = document.strategies.clone();
    strategies.extend(document.strategies);
    for (strategy, name) in strategies.iter_mut().zip(["point", "point", "orders", "orders"]) {
        strategy.workload = Some(name.to_owned());
    }
    Document { strategies, ..document }
}

/// Compared as a report does it.
pub(crate) fn compared(baseline: &Document, candidate: &Document) -> TrafficComparison {
    let options = TrafficOptions { tolerance_percent: 10.0, gated: false, force: true };
    compare_traffic(["a.json", "b.json"], baseline, candidate, options).unwrap()
}

fn text(document: &Document) -> String {
    terminal::render(&page(document), &Screen { width: 100, ..Screen::default() })
}

#[test]
fn traffic_at_a_rate() {
    insta::assert_snapshot!(text(&sample()));
}

#[test]
fn traffic_with_trouble() {
    insta::assert_snapshot!(text(&troubled()));
}

#[test]
fn the_highest_rates() {
    insta::assert_snapshot!(text(&searched()));
}

#[test]
fn traffic_of_workloads() {
    insta::assert_snapshot!(text(&of_workloads()));
}

#[test]
fn errors_and_obstacles_are_named_with_a_mark_before_the_next_step() {
    let mut document = troubled();
    document.strategies[0].first_error = Some("no answer in time\n  did the server restart?".to_owned());
    document.strategies[2].obstacle = Some("none of 900 reads hit, although 90 % should have".to_owned());
    let page = text(&document).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains("the first: no answer in time; did the server restart?"), "{page}");
    assert!(page.contains("lease proves nothing: none of 900 reads hit"), "{page}");
}

#[test]
fn a_cache_that_never_worked_is_told_from_a_load_without_hits() {
    let [mysql, naive, lease] = &sample().strategies[..] else { panic!("there are three") };
    assert!(!mysql.never_hit() && !naive.never_hit() && !lease.never_hit());
    let idle = |expected, loads| Strategy {
        hits: Operations { operations: 0, mean_ns: None },
        loads: Operations { operations: loads, mean_ns: None },
        expected_hit_ratio: expected,
        ..lease.clone()
    };
    assert!(idle(Some(0.9), 1_000).never_hit());
    assert!(idle(Some(0.83), 9).never_hit() && idle(Some(1.0), 5).never_hit());
    assert!(!idle(Some(0.9), 4).never_hit(), "too few reads");
    assert!(!idle(Some(0.2), 20).never_hit(), "perhaps an accident");
    assert!(!idle(Some(0.001), 1_000).never_hit(), "no hits to expect");
    assert!(!idle(None, 1_000).never_hit(), "a cold cache");
}

#[test]
fn a_long_wait_for_clients_is_explained() {
    let mut document = sample();
    document.strategies[0].waiting_mean_ns = Some(4e6);
    let page = text(&document).split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(page.contains("(mysql: 4.00 ms, then 162 µs for the answer)"), "{page}");
    assert!(!page.contains("Clients kept up"), "{page}");
}

#[test]
fn traffic_as_markdown() {
    insta::assert_snapshot!(markdown::render(&page(&sample())));
}

#[test]
fn a_sparkline_has_the_shape_of_its_values() {
    assert_eq!(sparkline(&[0.0, 1.0, 2.0, 4.0, 8.0]), "▁▂▃▅█");
    assert_eq!(sparkline(&[0.0; 3]), "▁▁▁");
    assert_eq!(sparkline(&[1.0; 100]).chars().count(), 25);
}
