//! Where the time of a read goes: the parts of the cold and the warm read side by side.

use super::Style;
use super::layout::{clean, list, paragraph};
use super::table::{self, Grid};
use crate::parts::Part;
use crate::run_file::PathRun;

const WITHOUT_TIME: &str = "-";

/// The table of parts, and how well they add up; nothing where no path has several parts.
pub(super) fn block(paths: &[PathRun], style: &Style) -> Vec<String> {
    let split: Vec<&PathRun> = paths.iter().filter(|path| path.parts_mean_ns.len() > 1).collect();
    if split.is_empty() {
        return Vec::new();
    }
    let caption = "Where the time goes: the mean of each part, and its share of the read.";
    let mut lines = paragraph(caption, style);
    lines.extend(table::set(&grid(&split), 1, style));
    lines.extend(paragraph(&agreement(&split), style));
    lines
}

fn grid(paths: &[&PathRun]) -> Grid {
    let header = std::iter::once("part".to_owned())
        .chain(paths.iter().flat_map(|path| [clean(&path.path), "share".to_owned()]));
    let parts = Part::ALL.iter().map(|part| part.name());
    let rows =
        parts.filter(|part| paths.iter().any(|path| path.parts_mean_ns.contains_key(*part))).map(|part| {
            let cells = paths.iter().flat_map(|path| cells(path, part));
            std::iter::once(part.to_owned()).chain(cells).collect()
        });
    std::iter::once(header.collect()).chain(rows).collect()
}

fn cells(path: &PathRun, part: &str) -> [String; 2] {
    match (path.parts_mean_ns.get(part), path.mean_ns) {
        (Some(&ns), Some(mean_ns)) => [table::time(Some(ns)), share(ns, mean_ns)],
        _ => [WITHOUT_TIME.to_owned(), String::new()],
    }
}

fn share(ns: f64, mean_ns: f64) -> String {
    let percent = 100.0 * ns / mean_ns;
    if percent < 0.5 { "<1 %".to_owned() } else { format!("{percent:.0} %") }
}

/// The parts are timed within the very reads whose mean stands above: what is missing lies between the last look
/// at the clock and the end.
fn agreement(paths: &[&PathRun]) -> String {
    let sums: Vec<String> = paths
        .iter()
        .filter_map(|path| {
            let sum_ns: f64 = path.parts_mean_ns.values().sum();
            // Down, not to nearest: 100 % is said only where it is so.
            let tenths = (1000.0 * sum_ns / path.mean_ns?).floor() / 10.0;
            Some(format!("{tenths:.1} % of the {} read", clean(&path.path)))
        })
        .collect();
    format!("The parts add up to {}.", list(&sums))
}
