//! A comparison as a page for the terminal, in the manner of the bench's own.

use anstyle::{AnsiColor, Style as Ink};

use super::super::layout::{entry, heading, page, paragraph, text_column, wrap};
use super::super::{ALERT, PLAIN, Style, table};
use super::{
    BRACKETS, FORCED, HEADER, IDENTICAL, cached, caveat, judged_by, next_step, provenance, rows, sentence,
    sides, title, withheld,
};
use crate::compare::{Comparison, Difference, Gate, Verdict, WorkloadComparison};

/// The whole page, with a line break at its end.
pub(crate) fn render(compared: &Comparison, style: &Style) -> String {
    let mut blocks = vec![runs(compared, style), forced(compared, style)];
    blocks.push(unsound(compared, style));
    blocks.extend(super::differences(compared).map(|(title, list)| differences(title, list, style)));
    blocks.extend(compared.workloads.iter().map(|measured| workload(measured, style)));
    blocks.push(summary(compared, style));
    page(&blocks)
}

fn runs(compared: &Comparison, style: &Style) -> Vec<String> {
    let column = text_column(["candidate"]);
    let mut lines = heading("Two benches", style);
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

/// Each field, and what either run has there.
fn differences(title: &str, differences: &[Difference], style: &Style) -> Vec<String> {
    if differences.is_empty() {
        return Vec::new();
    }
    let column = text_column(differences.iter().map(|difference| difference.field.as_str()));
    let entries = differences.iter().flat_map(|difference| {
        let text = format!("{}, then {}", difference.baseline, difference.candidate);
        entry(&difference.field, PLAIN, column, &text, style)
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

fn workload(workload: &WorkloadComparison, style: &Style) -> Vec<String> {
    let mut lines = heading(&format!("Workload {}", title(workload)), style);
    let header = HEADER.map(str::to_owned).to_vec();
    let grid: table::Grid =
        std::iter::once(header).chain(rows(workload).into_iter().map(|row| row.to_vec())).collect();
    lines.extend(table::set_or_list(&grid, style));
    lines.extend(withheld(workload).iter().flat_map(|reason| paragraph(reason, style)));
    lines
}

/// The verdicts: the end of the page, where people look first.
fn summary(compared: &Comparison, style: &Style) -> Vec<String> {
    let mut lines = heading("Summary", style);
    let verdicts: Vec<(String, Verdict, String)> = compared
        .workloads
        .iter()
        .flat_map(|workload| {
            cached(workload).map(move |(name, path)| {
                (format!("{} {name}", title(workload)), path.verdict, sentence(path))
            })
        })
        .collect();
    let column = text_column(verdicts.iter().map(|(name, ..)| name.as_str()));
    for (name, verdict, text) in &verdicts {
        lines.extend(entry(name, ink(*verdict), column, &format!("{text}."), style));
    }
    if verdicts.is_empty() {
        lines.extend(paragraph("The runs have neither hits nor misses to compare.", style));
    }
    let mut notes = vec![BRACKETS.to_owned()];
    let judged_by = judged_by(compared);
    if !judged_by.is_empty() {
        notes.push(format!("Judged: {}.", judged_by.join("; ")));
    }
    notes.extend(compared.identical.then(|| IDENTICAL.to_owned()));
    notes.extend([caveat(compared), next_step(compared)].into_iter().flatten().map(str::to_owned));
    lines.extend(notes.iter().flat_map(|note| paragraph(note, style)));
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
    fn several_runs_with_gates_of_their_own() {
        insta::assert_snapshot!(render(&samples::of_several_runs(), &PAGE));
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
