//! A comparison as a page for the terminal, in the manner of the bench's own.

use anstyle::{AnsiColor, Style as Ink};

use super::super::layout::{entry, heading, page, paragraph, text_column, wrap};
use super::super::{ALERT, PLAIN, Style, table};
use super::{FORCED, MISSING, cell, mean, provenance, ratios, sentence, sides, title, withheld};
use crate::compare::{Comparison, Difference, Gate, Verdict, WorkloadComparison};

/// The whole page, with a line break at its end.
pub(crate) fn render(compared: &Comparison, style: &Style) -> String {
    let mut blocks = vec![runs(compared, style), forced(compared, style)];
    blocks.push(differences("What makes the runs unlike", &compared.unlike, style));
    blocks.push(unsound(compared, style));
    blocks.push(differences("What else differs, and may", &compared.other_differences, style));
    blocks.extend(compared.workloads.iter().flat_map(|measured| workload(measured, style)));
    blocks.push(verdicts(compared, style));
    page(&blocks)
}

fn runs(compared: &Comparison, style: &Style) -> Vec<String> {
    let column = text_column(["candidate"]);
    let mut lines = heading("Two runs", style);
    for (name, side) in sides(compared) {
        lines.extend(entry(name, PLAIN, column, &format!("{}, {}", side.file, provenance(side)), style));
        if !side.warnings.is_empty() {
            let warnings = format!("warned of {}", side.warnings.join(", "));
            lines.extend(entry("", PLAIN, column, &warnings, style));
        }
    }
    lines
}

fn forced(compared: &Comparison, style: &Style) -> Vec<String> {
    if !compared.forced {
        return Vec::new();
    }
    wrap(FORCED, style.columns()).into_iter().map(|line| style.paint(ALERT, &line)).collect()
}

/// Each field, and below it what either run has there.
fn differences(title: &str, differences: &[Difference], style: &Style) -> Vec<String> {
    if differences.is_empty() {
        return Vec::new();
    }
    let column = text_column(["  candidate"]);
    let entries = differences.iter().flat_map(|difference| {
        let mut lines = paragraph(&super::clean(&difference.field), style);
        lines.extend(entry("  baseline", PLAIN, column, &difference.baseline, style));
        lines.extend(entry("  candidate", PLAIN, column, &difference.candidate, style));
        lines
    });
    heading(title, style).into_iter().chain(entries).collect()
}

fn unsound(compared: &Comparison, style: &Style) -> Vec<String> {
    if compared.unsound.is_empty() {
        return Vec::new();
    }
    let column = text_column(["candidate"]);
    let entries =
        compared.unsound.iter().flat_map(|unsound| entry(unsound.run, PLAIN, column, &unsound.reason, style));
    heading("Runs that did not end well", style).into_iter().chain(entries).collect()
}

fn workload(workload: &WorkloadComparison, style: &Style) -> Vec<Vec<String>> {
    let mut head = heading(&format!("Workload {}: {}", title(workload), workload.verdict.name()), style);
    head.extend(table::set_or_list(&table_of_ratios(workload), style));
    let mut times = table::set_or_list(&table_of_means(workload), style);
    times.extend(withheld(workload).iter().flat_map(|reason| paragraph(reason, style)));
    vec![head, times]
}

/// Ratios within a run, with their intervals: what the verdict stands on comes first.
fn table_of_ratios(workload: &WorkloadComparison) -> table::Grid {
    let ratios = ratios(workload);
    let row = |name: &str, cells: [String; 3]| [vec![name.to_owned()], cells.to_vec()].concat();
    vec![
        row("ratio", ratios.map(|(name, _)| name.to_owned())),
        row("baseline", ratios.map(|(_, change)| cell(change.baseline.as_ref()))),
        row("candidate", ratios.map(|(_, change)| cell(change.candidate.as_ref()))),
        row("change", ratios.map(|(_, change)| cell(change.change.as_ref()))),
    ]
}

fn table_of_means(workload: &WorkloadComparison) -> table::Grid {
    let header = ["mean of", "baseline", "candidate", "change"].map(str::to_owned).to_vec();
    let rows = workload.paths.iter().map(|path| {
        vec![
            super::clean(&path.path),
            mean(path.baseline_mean_ns),
            mean(path.candidate_mean_ns),
            path.change.as_ref().map_or(MISSING.to_owned(), super::with_interval),
        ]
    });
    std::iter::once(header).chain(rows).collect()
}

/// What it comes to: where people look first.
fn verdicts(compared: &Comparison, style: &Style) -> Vec<String> {
    let mut lines = heading("In short (change: candidate / baseline; in brackets 95 % intervals)", style);
    let names: Vec<String> = compared.workloads.iter().map(title).collect();
    let column = text_column(names.iter().map(String::as_str));
    for (workload, name) in compared.workloads.iter().zip(&names) {
        let text = format!(
            "{}. {}",
            super::capitalised(workload.verdict.name()),
            sentence(workload, compared.tolerance_percent)
        );
        lines.extend(entry(name, ink(workload.verdict), column, &text, style));
    }
    if names.is_empty() {
        lines.extend(paragraph("The runs have no workload to compare.", style));
    }
    lines.extend(paragraph(super::MEANS, style));
    if let Some(gate) = compared.gate {
        let text = super::capitalised(&super::gate_sentence(compared, gate)) + ".";
        let ink = if gate == Gate::Passed { PLAIN } else { ALERT };
        lines.extend(paragraph(&text, style).into_iter().map(|line| style.paint(ink, &line)));
    }
    lines
}

fn ink(verdict: Verdict) -> Ink {
    match verdict {
        Verdict::Improved => AnsiColor::Green.on_default(),
        Verdict::Unchanged => PLAIN,
        Verdict::Regressed => AnsiColor::Red.on_default(),
        Verdict::Inconclusive => ALERT,
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::layout::columns_of;
    use super::super::samples;
    use super::*;

    const PAGE: Style = Style { width: 80, color: false };

    #[test]
    fn improved_and_unchanged() {
        insta::assert_snapshot!(render(&samples::compared([0.7, 1.0], 1.01, false), &PAGE));
    }

    #[test]
    fn regressed_and_inconclusive() {
        insta::assert_snapshot!(render(&samples::compared([1.4, 1.08], 1.02, true), &PAGE));
    }

    #[test]
    fn forced_unlike_runs() {
        insta::assert_snapshot!(render(&samples::unlike(), &PAGE));
    }

    #[test]
    fn missing_paths() {
        insta::assert_snapshot!(render(&samples::missing_paths(), &PAGE));
    }

    #[test]
    fn no_line_is_wider_than_the_page_and_colour_changes_no_letter() {
        for compared in
            [samples::compared([1.4, 0.7], 1.02, true), samples::unlike(), samples::missing_paths()]
        {
            for width in [40, 60, 80, 100] {
                let plain = render(&compared, &Style { width, color: false });
                for line in plain.lines() {
                    assert!(columns_of(line) <= width, "{width}: {line}");
                }
                let colored = render(&compared, &Style { width, color: true });
                assert_ne!(colored, plain);
                assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
            }
        }
    }
}
