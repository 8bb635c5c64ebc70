//! What `--assert` asked, and what came of it.

use super::layout::{clean, heading, paragraph};
use super::{ALERT, Style};
use crate::run_file::{AssertionRun, Run};
use crate::units;

/// One line an assertion.
pub(super) fn block(run: &Run, style: &Style) -> Vec<String> {
    if run.assertions.is_empty() {
        return Vec::new();
    }
    let lines = run.assertions.iter().flat_map(|assertion| {
        let lines = paragraph(&line(assertion), style);
        let passed = assertion.verdict == "passed";
        lines.into_iter().map(move |line| if passed { line } else { style.paint(ALERT, &line) })
    });
    heading("Assertions", style).into_iter().chain(lines).collect()
}

/// `passed: all.warm.p99 < 5ms; it is 2.01 ms (1.95 ms to 2.08 ms)`
fn line(assertion: &AssertionRun) -> String {
    let with = assertion.codec.as_ref().map(|codec| format!(" (with {})", clean(codec))).unwrap_or_default();
    let head = format!("{}: {}{with}", clean(&assertion.verdict), clean(&assertion.expression));
    let show = |value: f64| shown(value, &assertion.expression);
    match (assertion.value, assertion.ci95, &assertion.reason) {
        (Some(value), Some([low, high]), _) => {
            format!("{head}; it is {} (95 % interval {} to {})", show(value), show(low), show(high))
        }
        (Some(value), None, _) => format!("{head}; it is {}", show(value)),
        (None, _, Some(reason)) => format!("{head}; {}", clean(reason)),
        (None, _, None) => head,
    }
}

/// In the unit of what was asked: a ratio, a share, a count or rate, a time.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assertion::parse;
    use crate::report::sample_runs;
    use crate::verdict;

    #[test]
    fn every_kind_has_its_unit() {
        let mut run = sample_runs::full(1_000);
        let mut json = run.workloads[1].clone();
        json.codec = "json".to_owned();
        run.workloads.push(json);
        let judged = |text: &str| verdict::judge(&parse(text).unwrap(), &run);
        run.assertions = [
            "all.warm.p99 < 5ms",
            "point.warm.p99.9 < 1ms",
            "all.speedup > 13",
            "all.break_even > 80%",
            "all.warm.errors == 0",
            "point.mysql.throughput > 10",
        ]
        .map(judged)
        .concat();
        insta::assert_snapshot!(block(&run, &Style::default()).join("\n"));
    }
}
