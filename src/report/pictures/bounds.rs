//! Bounds for what grows with a document, and words for what is left out.

use crate::candidates::Document as Candidates;
use crate::compare::{Comparison, TrafficComparison};
use crate::run_file::{Run, WorkloadRun};
use crate::scenario::Found;
use crate::scenario::document::Document;
use crate::size::document::Document as Size;
use crate::traffic_file::Document as Traffic;

const WORKLOADS: usize = 64;
const PATHS: usize = 16;
const CURVE_POINTS: usize = 101;
/// The bound of every other list.
const OTHERS: usize = 100;
const ARMS: usize = 32;
const STRATEGIES: usize = 16;
/// A day.
const SECONDS: usize = 86_400;
/// The bound of one file.
pub(super) const EXPERIMENTS: usize = 32;

/// Shortens lists and remembers what they lost.
#[derive(Default)]
struct Bounds(Vec<String>);

impl Bounds {
    fn cut<T>(&mut self, list: &mut Vec<T>, most: usize, what: &str) {
        if list.len() > most {
            self.0.push(format!("{} {what}", list.len() - most));
            list.truncate(most);
        }
    }
}

pub(super) fn of_run(run: &Run) -> (Run, Vec<String>) {
    let mut bounds = Bounds::default();
    // Single runs of several are in the document, not on the page.
    let mut run = Run { runs: run.runs.iter().take(OTHERS).map(without_workloads).collect(), ..run.clone() };
    bounds.cut(&mut run.workloads, WORKLOADS, "workloads");
    bounds.cut(&mut run.warnings, OTHERS, "warnings");
    bounds.cut(&mut run.assertions, OTHERS, "assertions");
    bounds.cut(&mut run.controls, PATHS, "round trips");
    for workload in &mut run.workloads {
        cut_workload(&mut bounds, workload);
    }
    (run, bounds.0)
}

fn without_workloads(part: &crate::run_file::RunPart) -> crate::run_file::RunPart {
    crate::run_file::RunPart {
        workloads: Vec::new(),
        controls: Vec::new(),
        warnings: Vec::new(),
        ..part.clone()
    }
}

fn cut_workload(bounds: &mut Bounds, workload: &mut WorkloadRun) {
    bounds.cut(&mut workload.paths, PATHS, "paths");
    bounds.cut(&mut workload.hit_ratio_curve, CURVE_POINTS, "hit ratios");
    bounds.cut(&mut workload.controls, PATHS, "controls");
    for path in &mut workload.paths {
        while path.errors.len() > PATHS {
            path.errors.pop_last();
        }
    }
}

pub(super) fn of_comparison(compared: &Comparison) -> (Comparison, Vec<String>) {
    let (mut bounds, mut compared) = (Bounds::default(), compared.clone());
    bounds.cut(&mut compared.workloads, WORKLOADS, "workloads");
    bounds.cut(&mut compared.gates, OTHERS, "gates");
    bounds.cut(&mut compared.unsound, OTHERS, "reasons");
    for side in [&mut compared.baseline, &mut compared.candidate] {
        bounds.cut(&mut side.warnings, OTHERS, "warnings");
    }
    for differences in [
        &mut compared.unlike,
        &mut compared.settings_differences,
        &mut compared.environment_differences,
        &mut compared.other_differences,
    ] {
        bounds.cut(differences, OTHERS, "differences");
    }
    for workload in &mut compared.workloads {
        bounds.cut(&mut workload.paths, PATHS, "paths");
        bounds.cut(&mut workload.controls, PATHS, "controls");
        workload.paths.iter_mut().for_each(|path| bounds.cut(&mut path.figures, PATHS, "figures"));
    }
    (compared, bounds.0)
}

pub(super) fn of_experiment(document: &Document) -> (Document, Vec<String>) {
    let (mut bounds, mut document) = (Bounds::default(), document.clone());
    bounds.cut(&mut document.arms, ARMS, "arms");
    bounds.cut(&mut document.warnings, OTHERS, "warnings");
    for arm in &mut document.arms {
        if let Found::Outage(outage) = &mut arm.found {
            bounds.cut(&mut outage.phases, PATHS, "phases");
        }
    }
    (document, bounds.0)
}

pub(super) fn of_traffic(document: &Traffic) -> (Traffic, Vec<String>) {
    let (mut bounds, mut document) = (Bounds::default(), document.clone());
    bounds.cut(&mut document.strategies, STRATEGIES, "strategies");
    bounds.cut(&mut document.assertions, OTHERS, "assertions");
    bounds.cut(&mut document.warnings, OTHERS, "warnings");
    bounds.cut(&mut document.config.workloads, WORKLOADS, "workloads");
    for strategy in &mut document.strategies {
        bounds.cut(&mut strategy.seconds, SECONDS, "seconds");
        while strategy.errors.len() > PATHS {
            strategy.errors.pop_last();
        }
    }
    (document, bounds.0)
}

pub(super) fn of_traffic_comparison(compared: &TrafficComparison) -> (TrafficComparison, Vec<String>) {
    let (mut bounds, mut compared) = (Bounds::default(), compared.clone());
    bounds.cut(&mut compared.strategies, STRATEGIES, "strategies");
    for differences in [&mut compared.unlike, &mut compared.environment_differences] {
        bounds.cut(differences, OTHERS, "differences");
    }
    compared.strategies.iter_mut().for_each(|it| bounds.cut(&mut it.figures, PATHS, "figures"));
    (compared, bounds.0)
}

pub(super) fn of_size(document: &Size) -> (Size, Vec<String>) {
    let (mut bounds, mut document) = (Bounds::default(), document.clone());
    bounds.cut(&mut document.limits, OTHERS, "limits");
    bounds.cut(&mut document.verified, OTHERS, "checks");
    (document, bounds.0)
}

pub(super) fn of_candidates(document: &Candidates) -> (Candidates, Vec<String>) {
    let (mut bounds, mut document) = (Bounds::default(), document.clone());
    bounds.cut(&mut document.candidates, OTHERS, "candidates");
    for candidate in &mut document.candidates {
        bounds.cut(&mut candidate.volatile, PATHS, "functions");
    }
    (document, bounds.0)
}
