//! Comparisons to test the pages with.

use super::super::sample_runs;
use crate::compare::{Comparison, GateSpec, Named, Options, compare};
use crate::run_file::{OverControl, PathRun, Ratio, Run, RunPart, Warning};

/// The cost over its control multiplied, with an interval of its own.
fn scale(path: &mut PathRun, factor: f64, half_width: f64) {
    let scaled = |ratio: Option<Ratio>| {
        let value = ratio.unwrap().ratio * factor;
        Some(Ratio { ratio: value, ci95: [value / half_width, value * half_width] })
    };
    path.mean_ns = path.mean_ns.map(|ns| ns * factor);
    path.typical_ns = path.typical_ns.map(|ns| ns * factor);
    path.histogram.push_str(&" ".repeat(usize::from(factor > 1.0)));
    if let Some(OverControl { typical, mean, .. }) = &mut path.over_control {
        (*typical, *mean) = (scaled(*typical), scaled(*mean));
    }
}

/// Two like runs whose candidate's hits are slower by a factor for each workload.
pub(super) fn compared(factors: [f64; 2], half_width: f64, gated: bool) -> Comparison {
    let mut baseline = sample_runs::full(1_000);
    let mut candidate = baseline.clone();
    for (index, factor) in factors.into_iter().enumerate() {
        for path in [1, 2] {
            scale(&mut baseline.workloads[index].paths[path], 1.0, half_width);
            scale(&mut candidate.workloads[index].paths[path], 1.0, half_width);
        }
        scale(&mut candidate.workloads[index].paths[2], factor, half_width);
        // The reads are others, whatever they took.
        candidate.workloads[index].paths[2].operations -= 1;
    }
    candidate.config.iterations = Some(2_000);
    of(&baseline, &candidate, gated, &[])
}

/// Benches of five runs with gates of their own; a few hits are very slow.
pub(super) fn of_several_runs() -> Comparison {
    let mut baseline = sample_runs::full(1_000);
    let part = RunPart {
        started_at: baseline.started_at.clone(),
        wall_s: 8.0,
        rng_seed: 1,
        controls: Vec::new(),
        workloads: baseline.workloads.clone(),
        warnings: Vec::new(),
    };
    baseline.runs = vec![part; 5];
    let mut candidate = baseline.clone();
    let warm = &mut candidate.workloads[1].paths[2];
    warm.operations -= 1;
    warm.mean_ns = warm.mean_ns.map(|ns| ns * 2.0);
    let mean = warm.over_control.as_mut().unwrap().mean.as_mut().unwrap();
    *mean = Ratio { ratio: mean.ratio * 2.0, ci95: mean.ci95.map(|end| end * 2.0) };
    of(&baseline, &candidate, true, &["point.warm.p99: 50%", "all.mysql: 20%"])
}

/// Other data, another machine, other settings, failed reads, and values that would break a table.
pub(super) fn unlike() -> Comparison {
    let baseline = sample_runs::full(1_000);
    let mut candidate = baseline.clone();
    candidate.environment.mysql.flavor = "MySQL".to_owned();
    candidate.environment.mysql.version = "9.7.0".to_owned();
    candidate.environment.cpu_model = Some("A | B `C` <b>D</b> \u{1b}[31m".to_owned());
    candidate.dataset.as_mut().unwrap().users = 5_000;
    candidate.workloads[0].paths[2].errors.insert("wrong_answer".to_owned(), 3);
    candidate.interrupted = true;
    candidate.warnings.push(Warning { code: "evictions".to_owned(), message: String::new() });
    of(&baseline, &candidate, true, &[])
}

/// Runs without the warm path in one workload, and with too few rounds in the other; an old file
/// beside a new one.
pub(super) fn missing_paths() -> Comparison {
    let mut baseline = sample_runs::full(1_000);
    baseline.workloads[0].paths.pop();
    baseline.workloads[1].paths[0].over_control = None;
    let mut candidate = baseline.clone();
    for path in &mut candidate.workloads[1].paths[1..] {
        path.operations -= 1;
        if let Some(over) = &mut path.over_control {
            (over.typical, over.mean) = (None, None);
            over.withheld = Some("3 rounds are too few to say how sure it is, 10 are needed".to_owned());
        }
    }
    of(&baseline, &candidate, true, &[])
}

fn of(baseline: &Run, candidate: &Run, gated: bool, gates: &[&str]) -> Comparison {
    let gates = gates.iter().map(|text| GateSpec::parse(text).unwrap()).collect();
    let options = Options { tolerance_percent: 10.0, gated, gates, force: true };
    let named = |file, run| Named { file, run };
    compare(named("baseline.json", baseline), named("candidate.json", candidate), &options).unwrap()
}
