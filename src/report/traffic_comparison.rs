//! Two documents of traffic compared, as a page.

use super::blocks::{Align, Block, Column, Entry, Page, Role, Row, Section, Table};
use super::numbers::{NONE, two_digits};
use crate::compare::{Difference, FigureComparison, Gate, TrafficComparison};
use crate::units;

/// The whole page; the gate is last.
pub(crate) fn page(compared: &TrafficComparison) -> Page {
    let files = Section::titled(
        "Two documents of traffic",
        vec![Block::Entries(vec![
            Entry::new("baseline", compared.baseline.clone()),
            Entry::new("candidate", compared.candidate.clone()),
        ])],
    );
    let forced = compared
        .forced
        .then(|| Section::new(vec![Block::Note("Compared by --force: the loads differ.".to_owned())]));
    let differences =
        [("Loads", &compared.unlike), ("Machine and servers", &compared.environment_differences)];
    let differences = differences.into_iter().filter_map(|(title, list)| self::differences(title, list));
    std::iter::once(files)
        .chain(forced)
        .chain(differences)
        .chain([table(compared)])
        .chain(gate(compared))
        .collect()
}

fn differences(title: &str, differences: &[Difference]) -> Option<Section> {
    let entry =
        |it: &Difference| Entry::new(it.field.clone(), format!("{}, then {}", it.baseline, it.candidate));
    let entries: Vec<Entry> = differences.iter().map(entry).collect();
    (!entries.is_empty()).then(|| Section::titled(title, vec![Block::Entries(entries)]))
}

fn table(compared: &TrafficComparison) -> Section {
    let column = |(title, align): (&str, Align)| Column { title: title.to_owned(), align };
    let columns = [
        ("figure", Align::Left),
        ("baseline", Align::Right),
        ("candidate", Align::Right),
        ("ratio", Align::Right),
        ("95 % CI", Align::Right),
        ("against", Align::Left),
        ("verdict", Align::Left),
    ];
    let rows = compared.strategies.iter().flat_map(|strategy| {
        strategy.figures.iter().map(|figure| Row::new(strategy.strategy.clone(), cells(figure)))
    });
    let table = Table {
        corner: "strategy".to_owned(),
        columns: columns.map(column).to_vec(),
        rows: rows.collect(),
        chart: None,
    };
    Section::new(vec![Block::Table(table)])
}

fn cells(figure: &FigureComparison) -> Vec<String> {
    let value = |value: f64| match figure.figure.as_str() {
        "hit_ratio" => format!("{:.1} %", value * 100.0),
        "throughput" | "max_rate" => units::rate(value),
        _ => units::duration(value),
    };
    let interval = figure
        .ratio_ci95
        .map_or(NONE.to_owned(), |[low, high]| format!("{}-{}", two_digits(low), two_digits(high)));
    vec![
        figure.figure.clone(),
        value(figure.baseline),
        value(figure.candidate),
        two_digits(figure.ratio),
        interval,
        figure.judged_by.clone(),
        figure.verdict.name().to_owned(),
    ]
}

fn gate(compared: &TrafficComparison) -> Option<Section> {
    let block = Block::Sentence(gate_sentence(compared, compared.gate?));
    Some(Section { role: Role::Summary, ..Section::new(vec![block]) })
}

/// The result of the gate in one sentence.
pub(crate) fn gate_sentence(compared: &TrafficComparison, gate: Gate) -> String {
    let tolerance = compared.tolerance_percent;
    match gate {
        Gate::Passed => format!("The gate passed: no cached strategy got worse by more than {tolerance} %."),
        Gate::Failed => format!("The gate failed: a cached strategy got worse by more than {tolerance} %."),
        Gate::Undecided => {
            format!(
                "The gate could not decide whether a cached strategy got worse by more than {tolerance} %."
            )
        }
    }
}
