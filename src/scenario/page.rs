//! Parts that the pages of all scenarios share.

use super::definition::Counts;
use super::document::{Arm, Document};
use crate::page::blocks::{Block, Row, Section, Table, Tone};
use crate::page::figures::{Bar, Bars, Figure, Picture};
use crate::page::scale::Scale;
use crate::page::sentences::UNKNOWN;
use crate::units;

/// The heading above the findings.
pub(crate) const FINDINGS: &str = "Findings";

/// A table of arms below a heading, each row under its arm's name.
pub(super) fn arms_table(
    title: &str,
    header: &[&str],
    document: &Document,
    row: impl Fn(&Arm) -> Vec<String>,
) -> Section {
    let rows = document.arms.iter().map(|arm| Row::new(arm.arm.clone(), row(arm))).collect();
    let table = Table::of_numbers("arm", header.iter().copied(), rows);
    Section::titled(title, vec![Block::Table(table)])
}

/// The findings, sentence by sentence.
pub(super) fn findings(sentences: impl IntoIterator<Item = Option<String>>) -> Section {
    let sentences: Vec<Block> = sentences.into_iter().flatten().map(Block::Sentence).collect();
    if sentences.is_empty() { Section::default() } else { Section::titled(FINDINGS, sentences) }
}

/// The first section of a page: its setting in a sentence.
pub(super) fn setting(text: String) -> Section {
    Section::new(vec![Block::Sentence(text)])
}

/// A setting by its name in the document.
pub(super) fn config(document: &Document, name: &str) -> u64 {
    document.config.get(name).copied().unwrap_or(0)
}

pub(super) fn time(ns: Option<f64>) -> String {
    ns.map_or_else(|| UNKNOWN.to_owned(), units::duration)
}

pub(super) fn time_ms(ms: Option<f64>) -> String {
    time(ms.map(|ms| ms * 1e6))
}

pub(super) fn arm<'a>(document: &'a Document, name: &str) -> Option<&'a Arm> {
    document.arms.iter().find(|arm| arm.arm == name)
}

/// The counts of an arm that only its scenario has.
pub(super) fn found<'a, T: Counts>(document: &'a Document, name: &str) -> Option<&'a T> {
    arm(document, name)?.found()
}

/// A bar for each arm that has the number.
pub(super) fn bars(
    document: &Document,
    [title, axis, caption]: [&str; 3],
    number: impl Fn(&Arm) -> Option<(f64, String)>,
) -> Option<Figure> {
    let bar = |arm: &Arm| {
        let (value, text) = number(arm)?;
        Some(Bar { label: arm.arm.clone(), tone: tone(&arm.arm), text, values: vec![value] })
    };
    let bars: Vec<Bar> = document.arms.iter().filter_map(bar).collect();
    if bars.is_empty() {
        return None;
    }
    let longest = bars.iter().flat_map(|bar| &bar.values).copied().fold(0.0, f64::max);
    let rows = bars.iter().map(|bar| Row::new(bar.label.clone(), vec![bar.text.clone()])).collect();
    Some(Figure {
        title: title.to_owned(),
        caption: caption.to_owned(),
        picture: Picture::Bars(Bars { scale: Scale::of_numbers(axis, longest), parts: Vec::new(), bars }),
        numbers: Table::of_numbers("arm", [axis], rows),
    })
}

/// The library's arms are cures, the others show the harm.
pub(super) fn tone(arm: &str) -> Tone {
    match arm {
        "mysql" => Tone::Mysql,
        lease if lease.starts_with("lease") => Tone::Hit,
        _ => Tone::Disk,
    }
}

/// A count as the length of a bar and as its text.
pub(super) fn bar_of(number: u64) -> (f64, String) {
    #[expect(clippy::cast_precision_loss, reason = "drawn")]
    (number as f64, units::count(number))
}
