//! The assertions of `--assert`, judged.

use crate::model::Judgement;
use crate::report::blocks::{Block, Section};
use crate::run_file::{AssertionRun, Run};
use crate::units;

/// One paragraph for each assertion.
pub(in crate::report) fn section(run: &Run) -> Option<Section> {
    let block = |assertion: &AssertionRun| match assertion.verdict {
        Judgement::Passed => Block::Sentence(line(assertion)),
        Judgement::Failed | Judgement::Inconclusive => Block::Note(line(assertion)),
    };
    (!run.assertions.is_empty())
        .then(|| Section::titled("Assertions", run.assertions.iter().map(block).collect()))
}

/// `passed: all.warm.p99 < 5ms; it is 2.01 ms (1.95 ms to 2.08 ms)`
fn line(assertion: &AssertionRun) -> String {
    let with = assertion.codec.as_ref().map(|codec| format!(" (with {codec})")).unwrap_or_default();
    let head = format!("{}: {}{with}", assertion.verdict.name(), assertion.expression);
    let show = |value: f64| shown(value, &assertion.expression);
    match (assertion.value, assertion.ci95, &assertion.reason) {
        (Some(value), Some([low, high]), _) => {
            format!("{head}; it is {} (95 % interval {} to {})", show(value), show(low), show(high))
        }
        (Some(value), None, _) => format!("{head}; it is {}", show(value)),
        (None, _, Some(reason)) => format!("{head}; {reason}"),
        (None, _, None) => head,
    }
}

/// The value in the unit of the expression: a ratio, a share, a count, a rate or a time.
fn shown(value: f64, expression: &str) -> String {
    let subject = expression.split(['<', '>', '=']).next().unwrap_or_default().trim();
    match subject.rsplit('.').next().unwrap_or_default() {
        "speedup" | "miss_penalty" => units::factor(value),
        "break_even" => format!("{:.1} %", value * 100.0),
        "errors" => units::count(units::whole(value)),
        "throughput" => units::rate(value),
        _ => units::duration(value),
    }
}
