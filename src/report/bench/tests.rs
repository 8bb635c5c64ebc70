//! Pages of runs, as a terminal shows them.

use super::{Detail, page};
use crate::report::render::terminal::{self, Screen};
use crate::report::sample_runs::{self, latencies, path_of, workload_of};
use crate::run_file::{Run, Warning};

fn brief(run: &Run, width: usize) -> String {
    terminal::render(&page(run, Detail::Brief), &Screen { width, color: false, ascii: false })
}

fn full(run: &Run) -> String {
    terminal::render(&page(run, Detail::Full), &Screen::default())
}

fn warning(code: &str, message: &str) -> Warning {
    Warning { code: code.to_owned(), message: message.to_owned() }
}

#[test]
fn brief_page() {
    let page = brief(&sample_runs::full(10_000), 80);
    assert!(page.lines().count() <= 60, "{page}");
    insta::assert_snapshot!(page);
}

#[test]
fn brief_page_of_120_columns() {
    insta::assert_snapshot!(brief(&sample_runs::full(10_000), 120));
}

#[test]
fn brief_page_of_40_columns() {
    insta::assert_snapshot!(brief(&sample_runs::full(100), 40));
}

#[test]
fn brief_page_in_ascii() {
    let screen = Screen { ascii: true, ..Screen::default() };
    let text = terminal::render(&page(&sample_runs::full(10_000), Detail::Brief), &screen);
    assert!(text.is_ascii());
    insta::assert_snapshot!(text);
}

#[test]
fn full_page() {
    insta::assert_snapshot!(full(&sample_runs::full(10_000)));
}

#[test]
fn several_codecs() {
    insta::assert_snapshot!(brief(&sample_runs::several_codecs(1_000), 80));
}

#[test]
fn several_codecs_in_full() {
    insta::assert_snapshot!(full(&sample_runs::several_codecs(1_000)));
}

#[test]
fn every_workload() {
    let mut run = sample_runs::full(1_000);
    let named = |name: &str| workload_of(name, run.workloads[1].paths.clone());
    let more = [named("page"), named("aggregate")];
    run.workloads.extend(more);
    insta::assert_snapshot!(brief(&run, 80));
}

/// Something else used the machine: one line says so, and the summary compares typical reads.
#[test]
fn a_busy_machine() {
    let mut run = sample_runs::full(1_000);
    run.workloads[1].speedup.as_mut().unwrap().ci95 = [0.54, 3.1];
    run.workloads[1].break_even_hit_ratio = None;
    run.workloads[0].typical.speedup.as_mut().unwrap().ci95 = [0.7, 20.0];
    run.workloads[0].typical.break_even_hit_ratio = None;
    let rounds = "10 of 1000 rounds of all by path mysql stand far out (the worst took 4.2 times the typical \
                  round): something else used the machine or the servers; trust p50 more than the mean";
    run.warnings = vec![
        warning(
            "busy_machine",
            "this machine was busy before the run began: a load average of 3.0 on 2 cores",
        ),
        warning("outliers", rounds),
        warning("outliers", rounds),
        warning("debug_build", "this rcache was built without optimisation, and its own work counts"),
    ];
    insta::assert_snapshot!(brief(&run, 80));
}

#[test]
fn too_few_reads() {
    let mut run = sample_runs::full(3);
    run.warnings = vec![warning("too_few_rounds", "3 rounds of all are too few")];
    insta::assert_snapshot!(brief(&run, 80));
}

#[test]
fn a_single_read() {
    let mut run = sample_runs::full(10);
    run.workloads = vec![workload_of("all", vec![path_of("warm", &[1_800_000])])];
    insta::assert_snapshot!(brief(&run, 80));
}

#[test]
fn one_path_only() {
    let mut run = sample_runs::full(1_000);
    run.workloads.iter_mut().for_each(|workload| workload.paths.truncate(1));
    for workload in &mut run.workloads {
        (workload.speedup, workload.miss_penalty, workload.break_even_hit_ratio) = (None, None, None);
        workload.hit_ratio_curve.clear();
    }
    insta::assert_snapshot!(brief(&run, 80));
}

#[test]
fn interrupted_before_every_path_was_read() {
    let mut run = sample_runs::full(1_000);
    run.interrupted = true;
    let mut paths = run.workloads[0].paths.clone();
    paths[1] = path_of("cold", &latencies(2, 14, 31e6, 0.1));
    paths[2] = path_of("warm", &[]);
    run.workloads = vec![workload_of("all", paths)];
    insta::assert_snapshot!(brief(&run, 80));
}

#[test]
fn interrupted_before_anything_was_read() {
    let mut run = sample_runs::full(0);
    run.interrupted = true;
    run.controls.clear();
    insta::assert_snapshot!(brief(&run, 80));
}

#[test]
fn failures_and_warnings() {
    let mut run = sample_runs::full(1_000);
    let mut paths = run.workloads[0].paths.clone();
    paths[1] = path_of("cold", &[]);
    paths[1].errors.insert("timeout".to_owned(), 1_000);
    paths[2].errors.insert("wrong_answer".to_owned(), 2);
    paths[2].errors.insert("connection".to_owned(), 1);
    paths[2].saturated = 1;
    run.workloads[0] = workload_of("all", paths);
    run.workloads[1].paths[2].parts_mean_ns.insert("decode".to_owned(), 9e3);
    run.config.cores_awake = false;
    run.config.placement = "even".to_owned();
    run.warnings = vec![
        warning(
            "evictions",
            "Redis evicted 3 keys during the run, of rcache or of others; raise its maxmemory",
        ),
        warning("foreign_traffic", "somebody else used MySQL\u{1b}[2J while all was measured; measure again"),
        warning("foreign_traffic", "somebody else used Redis while all was measured; measure again"),
    ];
    insta::assert_snapshot!(brief(&run, 80));
    insta::assert_snapshot!("failures_and_warnings_in_full", full(&run));
}

#[test]
fn redis_is_slower() {
    let mut run = sample_runs::full(1_000);
    run.environment.redis.transport = "tcp+tls".to_owned();
    run.environment.redis.sandbox = false;
    run.controls[1] = sample_runs::control("redis", "PING", 410e3);
    let path = |name, seed, middle_ns| path_of(name, &latencies(seed, 1_000, middle_ns, 0.2));
    let paths = vec![path("mysql", 1, 62e3), path("cold", 2, 910e3), path("warm", 3, 430e3)];
    run.workloads = vec![workload_of("point", paths)];
    insta::assert_snapshot!(brief(&run, 80));
}

#[test]
fn a_brief_page_is_short() {
    let lines = |run: &Run| brief(run, 80).lines().count();
    assert!(lines(&sample_runs::full(10_000)) <= 60);
    let mut one = sample_runs::full(10_000);
    one.workloads.truncate(1);
    // The head, and at most 24 lines of the workload, and the summary.
    assert!(lines(&one) <= 2 + 1 + 24 + 1 + 6);
}

#[test]
fn no_line_is_wider_than_the_page_and_colour_changes_no_letter() {
    let runs = [sample_runs::full(10_000), sample_runs::several_codecs(10_000), sample_runs::full(3)];
    for run in &runs {
        for (width, detail) in [40, 60, 79, 80, 92, 100, 300]
            .into_iter()
            .flat_map(|width| [(width, Detail::Brief), (width, Detail::Full)])
        {
            let page = page(run, detail);
            let plain = terminal::render(&page, &Screen { width, color: false, ascii: false });
            for line in plain.lines() {
                assert!(line.chars().count() <= width, "{width}: {line}");
            }
            let colored = terminal::render(&page, &Screen { width, color: true, ascii: false });
            assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
        }
    }
}

#[test]
fn assertions_in_their_units() {
    let mut run = sample_runs::full(1_000);
    let mut json = run.workloads[1].clone();
    json.codec = "json".to_owned();
    run.workloads.push(json);
    let judged =
        |text: &str| crate::verdict::judge(&[crate::assertion::parse(text).unwrap()], &run.workloads);
    run.assertions = [
        "all.warm.p95 < 5ms",
        "point.warm.p99.9 < 1ms",
        "all.speedup > 13",
        "all.break_even > 80%",
        "all.warm.errors == 0",
        "point.mysql.throughput > 10",
    ]
    .map(judged)
    .concat();
    run.workloads.clear();
    insta::assert_snapshot!(brief(&run, 80));
}

#[test]
fn warnings_of_a_kind_together() {
    let mut run = sample_runs::full(100);
    run.workloads.clear();
    let outlier = |path: &str| {
        let message = format!(
            "2 of 100 rounds of all by path {path} stand far out: something else used the machine; measure again"
        );
        warning("outliers", &message)
    };
    run.warnings = ["mysql", "cold", "warm", "disk", "later"].map(outlier).to_vec();
    run.warnings.insert(1, warning("evictions", "Redis evicted 3 keys; raise its maxmemory"));
    run.warnings.push(warning("slow_first_reads", "the first rounds were slow: caches were filling"));
    run.warnings.push(warning("slow_first_reads", "the first rounds were slow: of another reason"));
    run.warnings.push(warning("steering\u{1b}[2J", "also \u{1b}[2J"));
    let sections: Vec<_> =
        super::warnings::in_short(&run).into_iter().chain(super::warnings::in_full(&run)).collect();
    insta::assert_snapshot!(terminal::render(&sections, &Screen::default()));
}
