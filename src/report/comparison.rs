//! Two runs side by side, for people: the words that the page and the markdown share.

pub(crate) mod markdown;
#[cfg(test)]
mod samples;
pub(crate) mod text;

use super::layout::{clean, list};
use crate::compare::{Comparison, Gate, PathChange, RatioChange, Side, Verdict, WorkloadComparison};
use crate::run_file::Ratio;
use crate::units;

/// What the gate came to, in one sentence.
pub(crate) fn gate_sentence(compared: &Comparison, gate: Gate) -> String {
    let percent = percent(compared.tolerance_percent);
    let of = |gate| {
        let names = compared.workloads.iter().filter(|workload| workload.gate == gate);
        list(&names.map(title).collect::<Vec<_>>())
    };
    match gate {
        Gate::Failed => {
            format!("the regression gate failed: slower by more than {percent}: {}", of(Gate::Failed))
        }
        Gate::Undecided if compared.workloads.is_empty() => {
            "the regression gate could not decide: the runs have no workload".to_owned()
        }
        Gate::Undecided => format!(
            "the regression gate could not decide whether it is slower by more than {percent}: {}",
            of(Gate::Undecided)
        ),
        Gate::Passed => format!("the regression gate passed: nothing is slower by more than {percent}"),
    }
}

/// A workload's name, safe to print.
fn title(workload: &WorkloadComparison) -> String {
    clean(&workload.label)
}

/// What a workload's verdict means, and what to do where there is none.
fn sentence(workload: &WorkloadComparison, tolerance_percent: f64) -> String {
    let change = &workload.warm_over_mysql;
    let Some(ratio) = change.change else {
        let reason = change.withheld.as_deref().unwrap_or("the reason is not known");
        return format!("No verdict: {}.", clean(reason));
    };
    let percent = percent(tolerance_percent);
    let moved = format!(
        "Set against MySQL in the same run, a hit takes {} times as long as in the baseline",
        with_interval(&ratio)
    );
    match (workload.verdict, workload.gate) {
        (Verdict::Regressed, _) => format!("{moved}: slower by more than {percent}."),
        (Verdict::Improved, _) => format!("{moved}: faster."),
        (Verdict::Unchanged, _) => format!("{moved}: within {percent} either way."),
        (Verdict::Inconclusive, Gate::Passed) => format!(
            "{moved}: a regression of more than {percent} is ruled out, but not whether anything changed. {MEASURE_MORE}"
        ),
        (Verdict::Inconclusive, _) => {
            format!(
                "{moved}: whether that is a regression of more than {percent} cannot be told from the noise. {MEASURE_MORE}"
            )
        }
    }
}

const MEASURE_MORE: &str = "More --iterations in both runs or a quieter machine would tell.";

/// `10 %`, `7.5 %`
fn percent(percent: f64) -> String {
    format!("{percent} %")
}

/// `1.05 (0.98 to 1.12)`
fn with_interval(Ratio { ratio, ci95: [low, high] }: &Ratio) -> String {
    let [ratio, low, high] = [*ratio, *low, *high].map(three_digits);
    format!("{ratio} ({low} to {high})")
}

/// As [`units::factor`], with as many digits where a ratio is far below 1: warm / mysql often is.
fn three_digits(ratio: f64) -> String {
    match ratio {
        _ if ratio >= 0.9995 || ratio <= 0.0 => units::factor(ratio),
        _ if ratio >= 0.09995 => format!("{ratio:.3}"),
        _ if ratio >= 0.009_995 => format!("{ratio:.4}"),
        _ => format!("{ratio:.2e}"),
    }
}

/// What stands for a number that is not there.
const MISSING: &str = "n/a";

fn cell(ratio: Option<&Ratio>) -> String {
    ratio.map_or(MISSING.to_owned(), with_interval)
}

fn mean(ns: Option<f64>) -> String {
    ns.map_or(MISSING.to_owned(), units::duration)
}

/// The ratios that a comparison shows, by the names that people read; the first decides.
fn ratios(workload: &WorkloadComparison) -> [(&'static str, &RatioChange); 3] {
    [
        ("warm / mysql", &workload.warm_over_mysql),
        ("speedup", &workload.speedup),
        ("miss penalty", &workload.miss_penalty),
    ]
}

/// Why numbers are missing, each reason once, beside that of the verdict, which its sentence gives.
fn withheld(workload: &WorkloadComparison) -> Vec<String> {
    let [_, speedup, miss_penalty] = ratios(workload);
    let of_ratios = [speedup, miss_penalty].map(|(name, change)| (name.to_owned(), change.withheld.as_ref()));
    let of_path = |path: &PathChange| (format!("mean of {}", clean(&path.path)), path.withheld.clone());
    let of_paths: Vec<_> = workload.paths.iter().map(of_path).collect();
    let all = of_ratios.into_iter().map(|(name, reason)| (name, reason.cloned())).chain(of_paths);
    let verdict = workload.warm_over_mysql.withheld.clone();
    all.filter_map(|(name, reason)| Some((name, reason?)))
        .filter(|(_, reason)| Some(reason) != verdict.as_ref())
        .map(|(name, reason)| format!("No change of {name}: {}.", clean(&reason)))
        .collect()
}

/// `rcache 0.1.0, run of 2026-03-01T09:30:00Z`
fn provenance(side: &Side) -> String {
    format!("rcache {}, run of {}", clean(&side.rcache_version), clean(&side.started_at))
}

/// Both sides by their names.
fn sides(compared: &Comparison) -> [(&'static str, &Side); 2] {
    [("baseline", &compared.baseline), ("candidate", &compared.candidate)]
}

const BRACKETS: &str = "Change is candidate / baseline; in brackets stand 95 % intervals.";
/// Under the verdicts.
const MEANS: &str =
    "The verdict stands on warm / mysql alone; mean times follow the machine and are for information.";

fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or(String::new(), |first| first.to_uppercase().chain(chars).collect())
}

/// What stands above everything else where a comparison was forced.
const FORCED: &str = "Forced: these runs should not be compared. What differs below, and not the candidate alone, may \
                      be why a number changed.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_keep_three_digits() {
        let shown =
            [1240.0, 13.54, 1.0, 0.99951, 0.9994, 0.1, 0.0729, 0.01, 0.000_432, 0.0].map(three_digits);
        assert_eq!(
            shown,
            ["1,240", "13.5", "1.00", "1.00", "0.999", "0.100", "0.0729", "0.0100", "4.32e-4", "0.00"]
        );
    }

    #[test]
    fn the_gate_names_the_workloads() {
        let gated = |factor| samples::compared([factor, 1.0], 1.01, true);
        for factor in [1.0, 1.1, 1.5] {
            let compared = gated(factor);
            let gate = compared.gate.unwrap();
            let words = match gate {
                Gate::Passed => "passed: nothing is slower by more than 10 %",
                Gate::Undecided => "could not decide whether it is slower by more than 10 %: all",
                Gate::Failed => "failed: slower by more than 10 %: all",
            };
            assert!(gate_sentence(&compared, gate).ends_with(words), "{factor}: {gate:?}");
        }
    }
}
