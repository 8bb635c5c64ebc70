//! The numbers of two runs side by side, workload by workload: how each changed, and what follows from it.

use super::{Gate, PathChange, RatioChange, Verdict, WorkloadComparison};
use crate::run_file::{PathRun, Ratio, Run, WorkloadRun};
use crate::stats::estimate::{Estimate, Interval};
use crate::stats::two_runs::{self, BETWEEN_RUNS_SD};

const NO_REASON: &str = "the run file has no interval for it";
const NOT_POSITIVE: &str = "an interval that reaches down to nothing has no ratio";

/// Every workload of either run, the baseline's first.
pub(super) fn compare(baseline: &Run, candidate: &Run, tolerance: f64) -> Vec<WorkloadComparison> {
    let in_both = baseline
        .workloads
        .iter()
        .map(|workload| pair(Some(workload), counterpart(workload, baseline, candidate), tolerance));
    let only_in_candidate = candidate
        .workloads
        .iter()
        .filter(|workload| counterpart(workload, candidate, baseline).is_none())
        .map(|workload| pair(None, Some(workload), tolerance));
    let mut compared: Vec<WorkloadComparison> = in_both.chain(only_in_candidate).flatten().collect();
    for index in 0..compared.len() {
        let name = compared[index].name.clone();
        if compared.iter().filter(|other| other.name == name).count() > 1 {
            compared[index].label = format!("{name} ({})", compared[index].codec);
        }
    }
    compared
}

/// The same workload in the other run: with the same codec, or the only one of its name in both.
fn counterpart<'a>(workload: &WorkloadRun, run: &Run, other: &'a Run) -> Option<&'a WorkloadRun> {
    let namesakes = |run: &'a Run| run.workloads.iter().filter(|other| other.name == workload.name);
    let alone = run.workloads.iter().filter(|other| other.name == workload.name).count() == 1;
    namesakes(other)
        .find(|other| other.codec == workload.codec)
        .or_else(|| namesakes(other).next().filter(|_| alone && namesakes(other).count() == 1))
}

fn pair(
    baseline: Option<&WorkloadRun>,
    candidate: Option<&WorkloadRun>,
    tolerance: f64,
) -> Option<WorkloadComparison> {
    let either = baseline.or(candidate)?;
    let sides = Sides { baseline, candidate };
    let warm_over_mysql = sides.ratio("warm_over_mysql", |workload| workload.warm_over_mysql);
    let (verdict, gate) = judged(&warm_over_mysql, tolerance);
    Some(WorkloadComparison {
        name: either.name.clone(),
        codec: either.codec.clone(),
        label: either.name.clone(),
        verdict,
        gate,
        warm_over_mysql,
        speedup: sides.ratio("speedup", |workload| workload.speedup),
        miss_penalty: sides.ratio("miss_penalty", |workload| workload.miss_penalty),
        paths: sides.paths(),
    })
}

fn judged(change: &RatioChange, tolerance: f64) -> (Verdict, Gate) {
    let compared = estimate_of(change.baseline)
        .zip(estimate_of(change.candidate))
        .and_then(|(baseline, candidate)| two_runs::compare(baseline, candidate, tolerance, BETWEEN_RUNS_SD));
    match compared {
        Some(compared) => (compared.verdict.into(), compared.gate.into()),
        None => (Verdict::Inconclusive, Gate::Undecided),
    }
}

/// One workload in either run; at least one has it.
struct Sides<'a> {
    baseline: Option<&'a WorkloadRun>,
    candidate: Option<&'a WorkloadRun>,
}

impl Sides<'_> {
    fn ratio(&self, name: &str, of: impl Fn(&WorkloadRun) -> Option<Ratio>) -> RatioChange {
        let (baseline, candidate) = (self.baseline.and_then(&of), self.candidate.and_then(&of));
        let change = relative(estimate_of(baseline), estimate_of(candidate));
        let withheld = change.is_none().then(|| self.withheld(name, &of));
        RatioChange { baseline, candidate, change, withheld }
    }

    /// Why a ratio cannot be compared, for each run that lacks it.
    fn withheld(&self, name: &str, of: impl Fn(&WorkloadRun) -> Option<Ratio>) -> String {
        self.reasons(|workload| match of(workload) {
            Some(ratio) if estimate_of(Some(ratio)).is_some() => None,
            _ => Some(workload.withheld.get(name).map_or(NO_REASON, String::as_str).to_owned()),
        })
    }

    fn reasons(&self, missing: impl Fn(&WorkloadRun) -> Option<String>) -> String {
        let reasons: Vec<String> = [("baseline", self.baseline), ("candidate", self.candidate)]
            .into_iter()
            .filter_map(|(name, workload)| match workload {
                Some(workload) => Some(format!("in the {name} {}", missing(workload)?)),
                None => Some(format!("the {name} did not measure this workload")),
            })
            .collect();
        if reasons.is_empty() { NOT_POSITIVE.to_owned() } else { reasons.join("; ") }
    }

    /// Every path of either, the baseline's first.
    fn paths(&self) -> Vec<PathChange> {
        let mut names: Vec<&str> = Vec::new();
        for path in [self.baseline, self.candidate].into_iter().flatten().flat_map(|workload| &workload.paths)
        {
            if !names.contains(&path.path.as_str()) {
                names.push(&path.path);
            }
        }
        names.into_iter().map(|name| self.path(name)).collect()
    }

    /// Between runs, times vary more than the ratios for which the variance is set: the interval is the shortest that
    /// can be right, which is enough for information.
    fn path(&self, name: &str) -> PathChange {
        let of =
            |workload: Option<&WorkloadRun>| workload.and_then(|workload| path_of(workload, name).cloned());
        let (baseline, candidate) = (of(self.baseline), of(self.candidate));
        let mean = |path: &Option<PathRun>| path.as_ref().and_then(measured_mean);
        let interval = |path: &Option<PathRun>| path.as_ref().and_then(mean_estimate);
        let change = relative(interval(&baseline), interval(&candidate));
        let withheld = change.is_none().then(|| {
            self.reasons(|workload| match path_of(workload, name) {
                None => Some("this path was not read".to_owned()),
                Some(path) if measured_mean(path).is_none() => Some("this path has no reads".to_owned()),
                Some(path) if mean_estimate(path).is_none() => Some("the mean has no interval".to_owned()),
                Some(_) => None,
            })
        });
        PathChange {
            path: name.to_owned(),
            baseline_mean_ns: mean(&baseline),
            candidate_mean_ns: mean(&candidate),
            change,
            withheld,
        }
    }
}

fn path_of<'a>(workload: &'a WorkloadRun, name: &str) -> Option<&'a PathRun> {
    workload.paths.iter().find(|path| path.path == name)
}

fn measured_mean(path: &PathRun) -> Option<f64> {
    path.mean_ns.filter(|_| path.operations > 0)
}

fn mean_estimate(path: &PathRun) -> Option<Estimate> {
    estimate(measured_mean(path)?, path.mean_ci95_ns?)
}

fn estimate_of(ratio: Option<Ratio>) -> Option<Estimate> {
    ratio.and_then(|Ratio { ratio, ci95 }| estimate(ratio, ci95))
}

/// What a file says may be anything; an estimate lies in its interval.
fn estimate(value: f64, [low, high]: [f64; 2]) -> Option<Estimate> {
    let ci95 = Interval::new(low, high)?;
    ci95.contains(value).then_some(Estimate { value, ci95 })
}

fn relative(baseline: Option<Estimate>, candidate: Option<Estimate>) -> Option<Ratio> {
    let change = two_runs::relative_change(baseline?, candidate?, BETWEEN_RUNS_SD)?;
    Some(Ratio { ratio: change.value, ci95: [change.ci95.low, change.ci95.high] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::sample_runs;

    /// The first workload, with the candidate's ratio multiplied by a factor.
    fn with_factor(factor: f64, half_width: f64) -> WorkloadComparison {
        let mut baseline = sample_runs::full(1_000);
        let ratio = |value: f64| Ratio { ratio: value, ci95: [value / half_width, value * half_width] };
        baseline.workloads[0].warm_over_mysql = Some(ratio(0.1));
        let mut candidate = baseline.clone();
        candidate.workloads[0].warm_over_mysql = Some(ratio(0.1 * factor));
        compare(&baseline, &candidate, 0.1).remove(0)
    }

    #[test]
    fn verdicts_follow_the_ratio_within_the_run() {
        for (factor, half_width, verdict, gate) in [
            (1.0, 1.01, Verdict::Unchanged, Gate::Passed),
            (1.5, 1.01, Verdict::Regressed, Gate::Failed),
            (0.7, 1.01, Verdict::Improved, Gate::Passed),
            (1.1, 1.01, Verdict::Inconclusive, Gate::Undecided),
            (0.95, 1.01, Verdict::Inconclusive, Gate::Passed),
            (1.0, 1.3, Verdict::Inconclusive, Gate::Undecided),
        ] {
            let compared = with_factor(factor, half_width);
            assert_eq!((compared.verdict, compared.gate), (verdict, gate), "{factor} {half_width}");
            let change = compared.warm_over_mysql.change.unwrap();
            assert!(
                (change.ratio - factor).abs() < 1e-9 && change.ci95[0] < factor && factor < change.ci95[1]
            );
        }
    }

    #[test]
    fn what_cannot_be_compared_says_why() {
        let mut baseline = sample_runs::full(1_000);
        let mut candidate = baseline.clone();
        baseline.workloads[0].warm_over_mysql = None;
        let reason = "3 rounds are too few".to_owned();
        baseline.workloads[0].withheld.insert("warm_over_mysql".to_owned(), reason);
        baseline.workloads[0].speedup = Some(Ratio { ratio: 2.0, ci95: [0.0, 3.0] });
        candidate.workloads[0].miss_penalty = Some(Ratio { ratio: 2.0, ci95: [7.0, 9.0] });
        candidate.workloads[0].paths.pop();
        candidate.workloads.remove(1);
        let compared = compare(&baseline, &candidate, 0.1);
        let all = &compared[0];
        assert_eq!((all.verdict, all.gate), (Verdict::Inconclusive, Gate::Undecided));
        let said: Vec<&str> = [
            &all.warm_over_mysql.withheld,
            &all.speedup.withheld,
            &all.miss_penalty.withheld,
            &all.paths[2].withheld,
            &compared[1].warm_over_mysql.withheld,
        ]
        .into_iter()
        .map(|reason| reason.as_deref().unwrap())
        .collect();
        insta::assert_snapshot!(said.join("\n"));
        let turned = compare(&candidate, &baseline, 0.1);
        assert_eq!(turned.len(), 2, "what only the candidate has is told too");
    }

    #[test]
    fn several_codecs_of_one_workload_are_told_apart() {
        let mut baseline = sample_runs::full(1_000);
        let mut json = baseline.workloads[0].clone();
        json.codec = "json".to_owned();
        baseline.workloads.insert(0, json);
        let mut candidate = baseline.clone();
        candidate.workloads.reverse();
        let labels: Vec<String> =
            compare(&baseline, &candidate, 0.1).into_iter().map(|workload| workload.label).collect();
        assert_eq!(labels, ["all (json)", "all (arrow)", "point"]);
    }
}
