//! A comparison as blocks: the runs, what differs between them, every number, and the verdicts.

use super::{
    BRACKETS, FORCED, IDENTICAL, cached, caveat, gate_sentence, judged_by, next_step, overall, provenance,
    rows, sentence, sides, withheld,
};
use crate::compare::{Comparison, Difference, Gate, Verdict, WorkloadComparison};
use crate::plain_text;
use crate::report::blocks::{Align, Block, Column, Entry, Page, Role, Row, Section, Table, Tone};
use crate::report::numbers::capitalised;

/// The whole page; the summary is last.
pub(crate) fn page(compared: &Comparison) -> Page {
    let mut sections = vec![runs(compared)];
    sections.extend(compared.forced.then(|| Section::new(vec![Block::Note(FORCED.to_owned())])));
    sections.extend(unsound(compared));
    sections.extend(
        super::differences(compared).into_iter().filter_map(|(title, list)| differences(title, list)),
    );
    sections.extend(compared.workloads.iter().map(workload));
    sections.push(summary(compared));
    sections
}

fn runs(compared: &Comparison) -> Section {
    let entries = sides(compared).into_iter().flat_map(|(name, side)| {
        let warnings = side.warnings.join(", ");
        let warnings = (!warnings.is_empty()).then(|| Entry::new("", format!("warned of {warnings}")));
        std::iter::once(Entry::new(
            name,
            format!("{}, {}", plain_text::one_line(&side.file), provenance(side)),
        ))
        .chain(warnings)
    });
    Section::titled("Two benches", vec![Block::Entries(entries.collect())])
}

/// Each field, and what either run has there.
fn differences(title: &str, differences: &[Difference]) -> Option<Section> {
    let entries = differences.iter().map(|difference| {
        Entry::new(
            difference.field.clone(),
            format!("{}, then {}", difference.baseline, difference.candidate),
        )
    });
    (!differences.is_empty()).then(|| Section::titled(title, vec![Block::Entries(entries.collect())]))
}

fn unsound(compared: &Comparison) -> Option<Section> {
    let entries =
        compared.unsound.iter().map(|unsound| Entry::new(unsound.run.clone(), unsound.reason.clone()));
    (!compared.unsound.is_empty())
        .then(|| Section::titled("Runs that did not end well", vec![Block::Entries(entries.collect())]))
}

fn workload(workload: &WorkloadComparison) -> Section {
    let column = |(title, align): (&str, Align)| Column { title: title.to_owned(), align };
    let columns = [
        ("figure", Align::Left),
        ("baseline", Align::Right),
        ("candidate", Align::Right),
        ("change", Align::Right),
        ("verdict", Align::Left),
    ];
    let rows = rows(workload).into_iter().map(|[path, cells @ ..]| Row::new(path, cells.to_vec()));
    let table = Table {
        corner: "path".to_owned(),
        columns: columns.map(column).to_vec(),
        rows: rows.collect(),
        chart: None,
    };
    let reasons = withheld(workload).into_iter().map(Block::Sentence);
    let blocks = std::iter::once(Block::Table(table)).chain(reasons).collect();
    Section { role: Role::Detail, ..Section::titled(format!("Workload {}", workload.label), blocks) }
}

/// The verdicts, where people look first.
fn summary(compared: &Comparison) -> Section {
    let entries: Vec<Entry> = compared
        .workloads
        .iter()
        .flat_map(|workload| {
            cached(workload).map(move |(name, path)| Entry {
                label: format!("{} {name}", workload.label),
                tone: tone(path.verdict),
                text: format!("{}.", sentence(path)),
            })
        })
        .collect();
    let mut blocks = match entries.is_empty() {
        true => vec![Block::Sentence("The runs have neither hits nor misses to compare.".to_owned())],
        false => vec![Block::Entries(entries)],
    };
    let judged_by = judged_by(compared);
    let judged_by = (!judged_by.is_empty()).then(|| format!("Judged: {}.", judged_by.join("; ")));
    let identical = compared.identical.then(|| IDENTICAL.to_owned());
    let hints = [caveat(compared), next_step(compared)].into_iter().flatten().map(str::to_owned);
    let notes = std::iter::once(BRACKETS.to_owned()).chain(judged_by).chain(identical).chain(hints);
    blocks.extend(notes.map(Block::Sentence));
    blocks.extend(compared.gate.map(|gate| {
        let text = capitalised(&gate_sentence(compared, gate)) + ".";
        if gate == Gate::Passed { Block::Sentence(text) } else { Block::Note(text) }
    }));
    Section { role: Role::Summary, ..Section::titled(format!("Summary: {}", overall(compared)), blocks) }
}

pub(in crate::report) fn tone(verdict: Verdict) -> Tone {
    match verdict {
        Verdict::Improved => Tone::Good,
        Verdict::Unchanged => Tone::Plain,
        Verdict::Regressed => Tone::Bad,
        Verdict::Inconclusive => Tone::Alert,
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples;
    use super::*;
    use crate::report::render::markdown;
    use crate::report::render::terminal::{self, Screen};

    fn text(compared: &Comparison) -> String {
        terminal::render(&page(compared), &Screen::default())
    }

    #[test]
    fn improved_and_unchanged() {
        let compared = samples::compared([0.7, 1.0], 1.01, false);
        insta::assert_snapshot!(text(&compared));
        insta::assert_snapshot!(markdown::render(&page(&compared)));
    }

    #[test]
    fn regressed_and_inconclusive() {
        let compared = samples::compared([1.4, 1.08], 1.02, true);
        insta::assert_snapshot!(text(&compared));
        insta::assert_snapshot!(markdown::render(&page(&compared)));
    }

    #[test]
    fn several_runs_with_gates_of_their_own() {
        insta::assert_snapshot!(text(&samples::of_several_runs()));
    }

    #[test]
    fn forced_unlike_runs() {
        insta::assert_snapshot!(text(&samples::unlike()));
        insta::assert_snapshot!(markdown::render(&page(&samples::unlike())));
    }

    #[test]
    fn missing_paths() {
        insta::assert_snapshot!(text(&samples::missing_paths()));
    }

    #[test]
    fn no_line_is_wider_than_the_page_and_colour_changes_no_letter() {
        for compared in
            [samples::compared([1.4, 0.7], 1.02, true), samples::unlike(), samples::missing_paths()]
        {
            for width in [40, 60, 80, 100] {
                let screen = Screen { width, ..Screen::default() };
                let plain = terminal::render(&page(&compared), &screen);
                for line in plain.lines() {
                    assert!(line.chars().count() <= width, "{width}: {line}");
                }
                let colored = terminal::render(&page(&compared), &Screen { color: true, ..screen });
                assert_ne!(colored, plain);
                assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
            }
        }
    }
}
