//! The pictures of a comparison: each change with its interval, beside 1 and the tolerance.

use super::{figure_words, page::tone, percent, with_interval, word};
use crate::compare::{Comparison, WorkloadComparison};
use crate::report::blocks::{Block, Row, Section, Table};
use crate::report::figures::{Figure, Interval, Intervals, Mark, Picture};
use crate::report::names;
use crate::report::scale::Scale;
use crate::run_file::Ratio;

/// One picture of all changes; none if nothing could be compared.
pub(in crate::report) fn figures(compared: &Comparison) -> Vec<Section> {
    let rows: Vec<Interval> = compared.workloads.iter().flat_map(rows).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let tolerance = 1.0 + compared.tolerance_percent / 100.0;
    let ends = || rows.iter().flat_map(|row| row.ends).filter(|end| *end > 0.0);
    let lowest = ends().fold(1.0, f64::min);
    let highest = ends().fold(tolerance, f64::max);
    let line = |label: String, at: f64, text: &str| Mark { label, at, text: text.to_owned() };
    let lines = vec![
        line("1: as the baseline".to_owned(), 1.0, "1"),
        line(
            format!("{}: the tolerance", super::three_digits(tolerance)),
            tolerance,
            &format!("+{}", percent(compared.tolerance_percent)),
        ),
    ];
    let table = Table::of_texts(
        "path",
        ["candidate / baseline", "verdict"],
        rows.iter()
            .map(|row| {
                let (change, verdict) = row.text.split_once(", ").unwrap_or((&row.text, ""));
                Row::new(row.label.clone(), vec![change.to_owned(), verdict.to_owned()])
            })
            .collect(),
    );
    let scale = Scale::of_ratios("candidate / baseline, logarithmic", lowest / 1.02, highest * 1.02);
    let figure = Figure {
        title: "What changed".to_owned(),
        caption: "Each point is candidate / baseline with its 95 % interval, with what machine and servers did taken out. An \
                  interval to the right of the tolerance is a regression; one that holds 1 may be no change at all."
            .to_owned(),
        picture: Picture::Intervals(Intervals { scale, lines, rows }),
        numbers: table,
    };
    vec![Section::new(vec![Block::Figure(Box::new(figure))])]
}

fn rows(workload: &WorkloadComparison) -> Vec<Interval> {
    let paths = workload.paths.iter();
    let figures = paths.flat_map(|path| path.figures.iter().map(move |figure| (path, figure)));
    figures
        .filter_map(|(path, figure)| {
            let change: Ratio = figure.change?;
            Some(Interval {
                label: format!(
                    "{} {}, {}",
                    workload.label,
                    names::path(&path.path),
                    figure_words(&figure.figure)
                ),
                tone: tone(figure.verdict),
                text: format!("{}, {}", with_interval(&change), word(figure.verdict)),
                value: change.ratio,
                ends: change.ci95,
            })
        })
        .collect()
}
