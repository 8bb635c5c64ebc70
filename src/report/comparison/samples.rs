//! Comparisons to test the pages with.

use super::super::sample_runs;
use crate::compare::{Comparison, Named, Options, compare};
use crate::run_file::{Ratio, Run, Warning};

fn ratio(value: f64, half_width: f64) -> Ratio {
    Ratio { ratio: value, ci95: [value / half_width, value * half_width] }
}

/// Two like runs whose candidate's warm / mysql is multiplied by a factor for each workload.
pub(super) fn compared(factors: [f64; 2], half_width: f64, gated: bool) -> Comparison {
    let mut baseline = sample_runs::full(1_000);
    let mut candidate = baseline.clone();
    for (index, (value, factor)) in [0.0729, 0.475].into_iter().zip(factors).enumerate() {
        for (run, factor) in [(&mut baseline, 1.0), (&mut candidate, factor)] {
            let workload = &mut run.workloads[index];
            workload.warm_over_mysql = Some(ratio(value * factor, half_width));
            workload.speedup = Some(ratio(1.0 / (value * factor), half_width));
        }
    }
    candidate.config.iterations = Some(2_000);
    of(&baseline, &candidate, gated)
}

/// Other servers, another machine, failed reads, and values that would break a table.
pub(super) fn unlike() -> Comparison {
    let baseline = sample_runs::full(1_000);
    let mut candidate = baseline.clone();
    candidate.environment.mysql.flavor = "MySQL".to_owned();
    candidate.environment.mysql.version = "9.7.0".to_owned();
    candidate.environment.cpu_model = Some("A | B `C` <b>D</b> \u{1b}[31m".to_owned());
    candidate.dataset.users = 5_000;
    candidate.workloads[0].paths[2].errors.insert("wrong_answer".to_owned(), 3);
    candidate.interrupted = true;
    candidate.warnings.push(Warning { code: "evictions".to_owned(), message: String::new() });
    of(&baseline, &candidate, true)
}

/// Runs without the warm path in one workload, and with too few rounds in the other.
pub(super) fn missing_paths() -> Comparison {
    let mut baseline = sample_runs::full(1_000);
    for name in ["speedup", "warm_over_mysql"] {
        let reason = "a path that it is made of has no reads".to_owned();
        baseline.workloads[0].withheld.insert(name.to_owned(), reason);
    }
    baseline.workloads[0].paths.pop();
    baseline.workloads[0].speedup = None;
    baseline.workloads[0].warm_over_mysql = None;
    let mut candidate = baseline.clone();
    candidate.workloads[1].warm_over_mysql = None;
    let reason = "3 rounds are too few to say how sure it is, 10 are needed".to_owned();
    candidate.workloads[1].withheld.insert("warm_over_mysql".to_owned(), reason);
    of(&baseline, &candidate, true)
}

fn of(baseline: &Run, candidate: &Run, gated: bool) -> Comparison {
    let options = Options { tolerance_percent: 10.0, gated, force: true };
    let named = |file, run| Named { file, run };
    compare(named("baseline.json", baseline), named("candidate.json", candidate), &options).unwrap()
}
