//! Judges an assertion by a finished run: by the interval of what has one, and not at all where
//! nothing was measured.

use crate::assertion::{Assertion, PathField, Subject};
use crate::model::{Judgement, ReadPath};
use crate::run_file::{AssertionRun, PathRun, WorkloadRun};
use crate::stats::estimate::Interval;
use crate::stats::threshold;

/// The left side of an assertion.
enum Measured {
    Exact(f64),
    Uncertain { value: f64, ci95: [f64; 2] },
    Nothing { reason: String },
}

/// The assertions with their verdicts, as the run file keeps them. What was measured with several
/// codecs is judged for each.
pub(crate) fn judge(assertions: &[Assertion], workloads: &[WorkloadRun]) -> Vec<AssertionRun> {
    assertions.iter().flat_map(|assertion| of_each_codec(assertion, workloads)).collect()
}

fn of_each_codec(assertion: &Assertion, workloads: &[WorkloadRun]) -> Vec<AssertionRun> {
    let name = assertion.workload.as_str();
    let measured: Vec<&WorkloadRun> = workloads.iter().filter(|workload| workload.name == name).collect();
    match measured[..] {
        [] => vec![judged(assertion, None, nothing(&format!("workload {name} was not measured")))],
        [first, ..] if measured.len() == 1 || !depends_on_codec(assertion.subject) => {
            vec![judged(assertion, None, of_workload(assertion, first))]
        }
        _ => measured
            .into_iter()
            .map(|workload| judged(assertion, Some(&workload.codec), of_workload(assertion, workload)))
            .collect(),
    }
}

/// False for a number of a path without a cache, which is the same for all codecs.
fn depends_on_codec(subject: Subject) -> bool {
    match subject {
        Subject::OfPath(path, _) => matches!(path, ReadPath::Cold | ReadPath::Warm),
        Subject::Speedup | Subject::MissPenalty | Subject::BreakEven => true,
    }
}

fn judged(assertion: &Assertion, codec: Option<&String>, measured: Measured) -> AssertionRun {
    let (verdict, value, ci95, reason) = match measured {
        Measured::Exact(value) => {
            (threshold::judge_exact(value, assertion.operator, assertion.threshold), Some(value), None, None)
        }
        Measured::Uncertain { value, ci95: [low, high] } => {
            let judgement = threshold::judge(Interval { low, high }, assertion.operator, assertion.threshold);
            (judgement, Some(value), Some([low, high]), None)
        }
        Measured::Nothing { reason } => (Judgement::Inconclusive, None, None, Some(reason)),
    };
    AssertionRun { expression: assertion.text.clone(), codec: codec.cloned(), verdict, value, ci95, reason }
}

fn of_workload(assertion: &Assertion, workload: &WorkloadRun) -> Measured {
    match assertion.subject {
        Subject::OfPath(path, field) => {
            match workload.paths.iter().find(|candidate| candidate.path == path.name()) {
                Some(path) => of_path(path, field),
                None => nothing(&format!("path {} was not measured", path.name())),
            }
        }
        Subject::Speedup => {
            ratio(workload, "speedup", workload.speedup.map(|ratio| (ratio.ratio, ratio.ci95)))
        }
        Subject::MissPenalty => {
            ratio(workload, "miss_penalty", workload.miss_penalty.map(|ratio| (ratio.ratio, ratio.ci95)))
        }
        Subject::BreakEven => {
            let break_even = workload.break_even_hit_ratio.map(|ratio| (ratio.value, ratio.ci95));
            ratio(workload, "break_even_hit_ratio", break_even)
        }
    }
}

fn of_path(path: &PathRun, field: PathField) -> Measured {
    let too_few = || nothing("too few samples to say how sure it is; use more --iterations");
    let number = |number: u64| number as f64;
    match field {
        PathField::Errors => Measured::Exact(number(path.errors.values().sum())),
        PathField::Max => path.max_ns.map_or_else(too_few, |ns| Measured::Exact(number(ns))),
        PathField::Throughput => path.throughput_per_s.map_or_else(too_few, Measured::Exact),
        PathField::Mean => uncertain(path.mean_ns, path.mean_ci95_ns).unwrap_or_else(too_few),
        PathField::Percentile(name) => {
            let value = path.percentiles_ns.get(name).copied().flatten().map(number);
            let ci95 = path.percentiles_ci95_ns.get(name).copied().flatten();
            uncertain(value, ci95).unwrap_or_else(too_few)
        }
    }
}

fn uncertain(value: Option<f64>, ci95: Option<[f64; 2]>) -> Option<Measured> {
    Some(Measured::Uncertain { value: value?, ci95: ci95? })
}

fn ratio(workload: &WorkloadRun, name: &str, ratio: Option<(f64, [f64; 2])>) -> Measured {
    match ratio {
        Some((value, ci95)) => Measured::Uncertain { value, ci95 },
        None => nothing(workload.withheld.get(name).map_or("it was not measured", String::as_str)),
    }
}

fn nothing(reason: &str) -> Measured {
    Measured::Nothing { reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assertion::parse;
    use crate::report::sample_runs;
    use crate::run_file::Run;

    fn judged_of(text: &str, run: &Run) -> Vec<AssertionRun> {
        judge(&[parse(text).unwrap()], &run.workloads)
    }

    fn verdict(text: &str, run: &Run) -> Judgement {
        judged_of(text, run).remove(0).verdict
    }

    #[test]
    fn an_interval_must_lie_wholly_on_one_side() {
        let run = sample_runs::full(1_000);
        // The sample run's speedup of `all` is about 13, from 12.6 to 14.0.
        assert_eq!(verdict("all.speedup > 10", &run), Judgement::Passed);
        assert_eq!(verdict("all.speedup > 20", &run), Judgement::Failed);
        assert_eq!(verdict("all.speedup > 13", &run), Judgement::Inconclusive);
        assert_eq!(verdict("all.warm.mean < 5ms", &run), Judgement::Passed);
        assert_eq!(verdict("all.break_even < 50%", &run), Judgement::Passed);
        assert_eq!(verdict("all.warm.errors == 0", &run), Judgement::Passed);
        assert_eq!(verdict("all.warm.max < 1ns", &run), Judgement::Failed);
    }

    #[test]
    fn what_was_not_measured_is_inconclusive_and_says_why() {
        let mut run = sample_runs::full(5);
        let judged = judged_of("all.warm.p99 < 5ms", &run).remove(0);
        assert_eq!((judged.verdict, judged.value), (Judgement::Inconclusive, None));
        assert!(judged.reason.unwrap().contains("--iterations"));
        run.workloads.clear();
        assert_eq!(verdict("all.speedup > 1", &run), Judgement::Inconclusive);
    }

    #[test]
    fn every_codec_is_judged_by_itself_and_mysql_once() {
        let mut run = sample_runs::full(1_000);
        let mut json = run.workloads[0].clone();
        json.codec = "json".to_owned();
        json.speedup = json.speedup.map(|_| crate::run_file::Ratio { ratio: 2.0, ci95: [1.9, 2.1] });
        run.workloads.insert(1, json);
        let judged = |text: &str| -> Vec<(Option<String>, Judgement)> {
            let judged = judged_of(text, &run).into_iter();
            judged.map(|judged| (judged.codec, judged.verdict)).collect()
        };
        let of = |codec: &str, verdict| (Some(codec.to_owned()), verdict);
        assert_eq!(
            judged("all.speedup > 10"),
            [of("arrow", Judgement::Passed), of("json", Judgement::Failed)]
        );
        assert_eq!(judged("all.mysql.errors == 0"), [(None, Judgement::Passed)]);
        assert_eq!(judged("point.speedup > 1.5").len(), 1);
    }
}
