//! Two runs compared, for people: the words that the page and the markdown share.

mod figures;
mod page;
#[cfg(test)]
mod samples;

pub(super) use figures::figures;
pub(crate) use page::page;
pub(super) use page::tone;

use super::numbers::list;
use crate::compare::{
    BY_EQUALITY, Comparison, Difference, FigureChange, Gate, GateResult, PathChange, Side, Verdict,
    WorkloadComparison,
};
use crate::run_file::Ratio;
use crate::units;

/// The result of all gates, in one sentence.
pub(crate) fn gate_sentence(compared: &Comparison, gate: Gate) -> String {
    let of = |gate| {
        let gates: Vec<&GateResult> = compared.gates.iter().filter(|own| own.result == gate).collect();
        gates
    };
    match gate {
        Gate::Failed => {
            format!("the regression gate failed: {}", by_tolerance(&of(Gate::Failed), "slower"))
        }
        Gate::Undecided if compared.gates.is_empty() => {
            "the regression gate could not decide: the runs have no path to gate".to_owned()
        }
        Gate::Undecided => format!(
            "the regression gate could not decide whether {}",
            by_tolerance(&of(Gate::Undecided), "became slower")
        ),
        Gate::Passed => format!("the regression gate passed: nothing is {}", tolerances(compared)),
    }
}

/// `point.warm and all.cold slower by more than 10 %; point.warm.p99 slower by more than 50 %`
fn by_tolerance(gates: &[&GateResult], slower: &str) -> String {
    let mut tolerances: Vec<f64> = gates.iter().map(|gate| gate.tolerance_percent).collect();
    tolerances.dedup_by(|one, other| one.to_bits() == other.to_bits());
    let of = |tolerance: &f64| {
        let names = gates.iter().filter(|gate| gate.tolerance_percent.to_bits() == tolerance.to_bits());
        let names: Vec<String> = names.map(|gate| gate_name(gate)).collect();
        format!("{} {slower} by more than {}", list(&names), percent(*tolerance))
    };
    tolerances.iter().map(of).collect::<Vec<_>>().join("; ")
}

/// `slower by more than 10 %`, or the names of the gates if their tolerances differ.
fn tolerances(compared: &Comparison) -> String {
    match compared.gates.split_first() {
        Some((first, others))
            if others
                .iter()
                .all(|gate| gate.tolerance_percent.to_bits() == first.tolerance_percent.to_bits()) =>
        {
            format!("slower by more than {}", percent(first.tolerance_percent))
        }
        _ => "slower by more than its gate allows".to_owned(),
    }
}

/// `point.warm`, with the codec if there are several.
fn gate_name(gate: &GateResult) -> String {
    let codec = gate.codec.as_ref().map(|codec| format!(" ({codec})"));
    format!("{}{}", gate.name, codec.unwrap_or_default())
}

/// The paths that a cache is there for, and what pages call them.
fn cached(workload: &WorkloadComparison) -> impl Iterator<Item = (&'static str, &PathChange)> {
    let name = |path: &PathChange| match path.path.as_str() {
        "warm" => Some("hits"),
        "cold" => Some("misses"),
        _ => None,
    };
    workload.paths.iter().rev().filter_map(move |path| Some((name(path)?, path)))
}

/// The figure that a path's verdict comes from: the mean if it alone is shown to have regressed.
fn decisive(path: &PathChange) -> Option<&FigureChange> {
    let figure = |name: &str| path.figures.iter().find(|own| own.figure == name);
    let typical = figure("typical");
    match figure("mean") {
        Some(mean)
            if mean.verdict == Verdict::Regressed
                && typical.is_none_or(|own| own.verdict != mean.verdict) =>
        {
            Some(mean)
        }
        _ => typical,
    }
}

/// The verdict on a path and what it means, every word of it from an interval.
fn sentence(path: &PathChange) -> String {
    let Some(figure) = decisive(path) else { return "no verdict".to_owned() };
    let Some(change) = figure.change else {
        let reason = figure.withheld.as_deref().unwrap_or("the reason is not known");
        return format!("undecided: {}", reason);
    };
    let tolerance = percent(figure.tolerance_percent);
    let what = figure_words(&figure.figure);
    let moved = format!("the {what} takes {} times as long as in the baseline", with_interval(&change));
    let limit = 1.0 + figure.tolerance_percent / 100.0;
    match figure.verdict {
        Verdict::Unchanged if change.ci95[0] >= 1.0 && change.ci95[1] <= 1.0 => {
            "unchanged: both files hold the same reads".to_owned()
        }
        Verdict::Regressed => format!("regressed: {moved}, slower by more than {tolerance}"),
        Verdict::Improved => format!("improved: {moved}"),
        Verdict::Unchanged => format!("unchanged: {moved}, within {tolerance} either way"),
        Verdict::Inconclusive if change.ci95[1] <= limit => {
            format!("no regression of more than {tolerance}: {moved}; a smaller change is undecided")
        }
        Verdict::Inconclusive => {
            format!("undecided: {moved}, which may be slower by more than {tolerance} or not")
        }
    }
}

/// The word of the pages for a verdict.
pub(super) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Inconclusive => "undecided",
        decided => decided.name(),
    }
}

fn figure_words(figure: &str) -> String {
    match figure {
        "typical" => "typical read".to_owned(),
        other => other.to_owned(),
    }
}

/// The worst that was found.
fn overall(compared: &Comparison) -> &'static str {
    let order = [Verdict::Regressed, Verdict::Inconclusive, Verdict::Improved];
    let found = |verdict: &Verdict| compared.workloads.iter().any(|workload| workload.verdict == *verdict);
    match order.into_iter().find(found) {
        Some(verdict) => word(verdict),
        None if compared.workloads.is_empty() => "nothing to compare",
        None => Verdict::Unchanged.name(),
    }
}

/// The next step if something was left open.
fn next_step(compared: &Comparison) -> Option<&'static str> {
    let open =
        compared.workloads.iter().flat_map(cached).any(|(_, path)| path.verdict == Verdict::Inconclusive);
    open.then_some("More reads, several runs (bench --runs 5) or a quieter machine would decide.")
}

/// A caveat about the intervals.
fn caveat(compared: &Comparison) -> Option<&'static str> {
    (!compared.variation_measured && !compared.identical).then_some(
        "How much runs of the same build differ is assumed for single runs (3 % for typical reads); bench --runs 5 \
         measures it.",
    )
}

/// The yardsticks of the verdicts, each once.
fn judged_by(compared: &Comparison) -> Vec<String> {
    let mut ways = Vec::new();
    for (name, path) in compared.workloads.iter().flat_map(cached) {
        if let Some(by) = path.judged_by.as_ref().filter(|by| *by != BY_EQUALITY) {
            let way = format!("{name} by {}", by);
            if !ways.contains(&way) {
                ways.push(way);
            }
        }
    }
    ways
}

/// The three sorts of differences with what each means.
fn differences(compared: &Comparison) -> [(&'static str, &[Difference]); 4] {
    [
        ("The runs measured different things", &compared.unlike),
        (
            "Settings differ: a change may be theirs as well as the candidate's",
            &compared.settings_differences,
        ),
        (
            "Machine or server versions differ: the controls take out what they can",
            &compared.environment_differences,
        ),
        ("Other differences", &compared.other_differences),
    ]
}

/// `10 %`, `7.5 %`
fn percent(percent: f64) -> String {
    format!("{percent} %")
}

/// `1.05 (0.98 to 1.12)`
fn with_interval(Ratio { ratio, ci95: [low, high] }: &Ratio) -> String {
    let [ratio, low, high] = [*ratio, *low, *high].map(three_digits);
    format!("{ratio} ({low} to {high})")
}

/// Like [`units::factor`], with as many digits for a ratio far below 1.
fn three_digits(ratio: f64) -> String {
    match ratio {
        _ if ratio >= 0.9995 || ratio <= 0.0 => units::factor(ratio),
        _ if ratio >= 0.09995 => format!("{ratio:.3}"),
        _ if ratio >= 0.009_995 => format!("{ratio:.4}"),
        _ => format!("{ratio:.2e}"),
    }
}

/// A number that is missing.
const MISSING: &str = "n/a";

fn time(ns: Option<f64>) -> String {
    ns.map_or(MISSING.to_owned(), units::duration)
}

/// One row for each figure of each path, and below them the controls.
fn rows(workload: &WorkloadComparison) -> Vec<[String; 6]> {
    let mut rows = Vec::new();
    for path in &workload.paths {
        for (index, figure) in path.figures.iter().enumerate() {
            let name = if index == 0 { path.path.clone() } else { String::new() };
            let verdict = figure.change.map_or(MISSING, |_| word(figure.verdict));
            rows.push([
                name,
                figure.figure.clone(),
                time(figure.baseline_ns),
                time(figure.candidate_ns),
                figure.change.as_ref().map_or(MISSING.to_owned(), with_interval),
                verdict.to_owned(),
            ]);
        }
    }
    for control in &workload.controls {
        let [baseline, candidate] = [control.baseline_ns, control.candidate_ns].map(time);
        let name = control.statement.clone();
        rows.push([name, "typical".to_owned(), baseline, candidate, String::new(), "control".to_owned()]);
    }
    rows
}

/// Why numbers are missing, each reason once.
fn withheld(workload: &WorkloadComparison) -> Vec<String> {
    let mut reasons: Vec<(String, Vec<String>)> = Vec::new();
    for path in &workload.paths {
        for figure in &path.figures {
            let Some(reason) = &figure.withheld else { continue };
            let name = format!("{} {}", path.path, figure.figure);
            match reasons.iter_mut().find(|(own, _)| own == reason) {
                Some((_, names)) => names.push(name),
                None => reasons.push((reason.clone(), vec![name])),
            }
        }
    }
    let line = |(reason, names): &(String, Vec<String>)| format!("No change of {}: {}.", list(names), reason);
    reasons.iter().map(line).collect()
}

/// `rcache 0.1.0, run of 2026-03-01T09:30:00Z`
fn provenance(side: &Side) -> String {
    let runs = match side.runs {
        0 | 1 => "run".to_owned(),
        runs => format!("{runs} runs"),
    };
    format!("rcache {}, {runs} of {}", side.rcache_version.clone(), side.started_at.clone())
}

/// Both sides by their names.
fn sides(compared: &Comparison) -> [(&'static str, &Side); 2] {
    [("baseline", &compared.baseline), ("candidate", &compared.candidate)]
}

const BRACKETS: &str = "Change is candidate / baseline with what machine and servers did taken out by the controls; 95 % \
                        intervals in brackets.";
const IDENTICAL: &str = "Both files hold the same measurement.";

/// Above everything else if a comparison was forced.
const FORCED: &str =
    "Forced: these runs should not be compared. What differs below may be the reason for any change.";

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
    fn the_gate_names_the_paths() {
        let gated = |factor| samples::compared([factor, 1.0], 1.01, true);
        for factor in [1.0, 1.1, 1.5] {
            let compared = gated(factor);
            let gate = compared.gate.unwrap();
            let words = match gate {
                Gate::Passed => "passed: nothing is slower by more than 10 %",
                Gate::Undecided => "could not decide whether all.warm became slower by more than 10 %",
                Gate::Failed => "failed: all.warm slower by more than 10 %",
            };
            let sentence = gate_sentence(&compared, gate);
            assert!(sentence.ends_with(words), "{factor}: {sentence}");
        }
    }
}
