//! Tables: the grid of one workload's paths in the form that fits the page, and how grids are set.

use std::collections::BTreeMap;

use comfy_table::{CellAlignment, LineStyle, Table, TableStyle};

use super::layout::{INDENT, clean, columns_of, entry, paragraph, text_column};
use super::{PLAIN, Style, path_ink};
use crate::run_file::PathRun;
use crate::units;

/// The percentiles that a table shows, as the run file names them.
pub(super) const PERCENTILES: [&str; 4] = ["50", "90", "99", "99.9"];
/// Where a number is withheld.
pub(super) const WITHHELD: &str = "n/a";
/// Where a number has no meaning.
const NONE: &str = "-";

/// Rows of cells, the first one the header.
pub(super) type Grid = Vec<Vec<String>>;

/// A table of paths, and whether it had room for the counts of hits, misses and errors.
pub(super) struct PathTable {
    pub(super) lines: Vec<String>,
    pub(super) has_counts: bool,
}

/// One row a path, as wide as the page allows: with the counts, without them, on its side, or in parts.
pub(super) fn paths(paths: &[PathRun], style: &Style) -> PathTable {
    let with_errors = paths.iter().any(|path| !path.errors.is_empty());
    let full: Grid = std::iter::once(header(with_errors))
        .chain(paths.iter().map(|path| [times(path), counts(path, with_errors)].concat()))
        .collect();
    let short: Grid = std::iter::once(header_of_times()).chain(paths.iter().map(times)).collect();
    for (grid, has_counts) in [(&full, true), (&short, false)] {
        let lines = upright(grid, 1);
        if fits(&lines, style) {
            // Below the header and its rule stands one line a path.
            let mut lines = lines.into_iter();
            let mut painted: Vec<String> = lines.by_ref().take(2).collect();
            painted.extend(lines.zip(paths).map(|(line, path)| named(&line, path, style)));
            return PathTable { lines: painted, has_counts };
        }
    }
    let mut lines = on_its_side(&full);
    if !fits(&lines, style) && paths.len() > 1 {
        let (first, rest) = paths.split_at(paths.len() / 2);
        let lines = [self::paths(first, style).lines, self::paths(rest, style).lines].join(&String::new());
        return PathTable { lines, has_counts: true };
    }
    if let Some(header) = lines.first_mut() {
        *header = paths.iter().fold(header.clone(), |header, path| named(&header, path, style));
    }
    PathTable { lines, has_counts: true }
}

/// Paints the path's name. Escape sequences inside of cells would have to be measured, for which
/// comfy-table needs three more crates.
fn named(line: &str, path: &PathRun, style: &Style) -> String {
    let name = clean(&path.path);
    line.replacen(&name, &style.paint(path_ink(&name), &name), 1)
}

/// A grid as it fits: upright with `left` columns of words before the numbers, or on its side.
pub(super) fn set(grid: &[Vec<String>], left: usize, style: &Style) -> Vec<String> {
    let lines = upright(grid, left);
    if fits(&lines, style) { lines } else { on_its_side(grid) }
}

/// A grid as a table with a column of names, or as entries row by row where the page is too narrow for one.
pub(super) fn set_or_list(grid: &[Vec<String>], style: &Style) -> Vec<String> {
    let lines = set(grid, 1, style);
    if fits(&lines, style) {
        return lines;
    }
    let Some((header, rows)) = grid.split_first() else { return lines };
    let labels: Vec<String> = header.iter().map(|label| format!("  {label}")).collect();
    let column = text_column(labels.iter().map(String::as_str));
    rows.iter()
        .flat_map(|row| {
            let head = row.first().map(|name| paragraph(name, style)).unwrap_or_default();
            let cells = labels.iter().zip(row).skip(1);
            head.into_iter().chain(cells.flat_map(|(label, cell)| entry(label, PLAIN, column, cell, style)))
        })
        .collect()
}

fn fits(lines: &[String], style: &Style) -> bool {
    lines.iter().all(|line| columns_of(line) <= style.columns())
}

/// Columns become rows.
fn on_its_side(grid: &[Vec<String>]) -> Vec<String> {
    let columns = grid.iter().map(Vec::len).max().unwrap_or(0);
    let turned: Grid = (0..columns)
        .map(|column| grid.iter().map(|row| row.get(column).cloned().unwrap_or_default()).collect())
        .collect();
    upright(&turned, 1)
}

/// A rule below the header, two columns of space between cells.
fn upright(grid: &[Vec<String>], left: usize) -> Vec<String> {
    const LOOK: TableStyle = TableStyle::new().header_separator(LineStyle::none().fill('─'));
    let mut table = Table::new();
    table.load_style(LOOK);
    let mut rows = grid.iter().cloned();
    if let Some(header) = rows.next() {
        table.set_header(header);
    }
    table.add_rows(rows);
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding(if index == 0 { (0, 0) } else { (2, 0) });
        if index >= left {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    let margin = " ".repeat(INDENT);
    table.lines().map(|line| format!("{margin}{}", line.trim_end())).collect()
}

fn header_of_times() -> Vec<String> {
    let percentiles = PERCENTILES.iter().map(|name| format!("p{name}"));
    ["path", "reads", "mean"]
        .map(str::to_owned)
        .into_iter()
        .chain(percentiles)
        .chain(["max", "reads/s"].map(str::to_owned))
        .collect()
}

fn header(with_errors: bool) -> Vec<String> {
    let mut header = header_of_times();
    header.extend(["hits", "misses"].map(str::to_owned));
    if with_errors {
        header.push("errors".to_owned());
    }
    header
}

fn times(path: &PathRun) -> Vec<String> {
    // What was never read has no times, whatever a file may say.
    let measured = path.operations > 0;
    let time = |ns: Option<f64>| time(ns.filter(|_| measured));
    let mut row = vec![clean(&path.path), units::count(path.operations), time(path.mean_ns)];
    row.extend(PERCENTILES.iter().map(|name| time(percentile(&path.percentiles_ns, name))));
    row.push(time(path.max_ns.map(|ns| ns as f64)));
    let rate = path.throughput_per_s.filter(|_| measured).map(units::rate);
    row.push(rate.map_or(WITHHELD.to_owned(), |rate| rate.trim_end_matches("/s").to_owned()));
    row
}

fn counts(path: &PathRun, with_errors: bool) -> Vec<String> {
    let count = |number: Option<u64>| number.map_or(NONE.to_owned(), units::count);
    let mut row = vec![count(path.hits), count(path.misses)];
    if with_errors {
        row.push(units::count(path.errors.values().sum()));
    }
    row
}

pub(super) fn percentile(percentiles_ns: &BTreeMap<String, Option<u64>>, name: &str) -> Option<f64> {
    percentiles_ns.get(name).copied().flatten().map(|ns| ns as f64)
}

/// A time in a column: its unit is always two wide, so that digits stay below digits.
pub(super) fn time(ns: Option<f64>) -> String {
    let Some(ns) = ns else { return WITHHELD.to_owned() };
    let text = units::duration(ns);
    if text.ends_with(" s") { text + " " } else { text }
}

#[cfg(test)]
mod tests {
    use super::super::sample_runs::path_of;
    use super::*;

    #[test]
    fn the_form_follows_the_width() {
        let samples: Vec<u64> = (1..=20_000).map(|n| n * 1_000).collect();
        let paths_run = [path_of("mysql", &samples), path_of("warm", &samples)];
        for (width, counts, rows) in [(100, true, 4), (80, false, 4), (60, true, 12)] {
            let table = paths(&paths_run, &Style { width, color: false });
            assert_eq!((table.has_counts, table.lines.len()), (counts, rows), "{}", table.lines.join("\n"));
            assert!(table.lines.iter().all(|line| columns_of(line) <= width));
        }
    }

    #[test]
    fn seconds_keep_their_digits_in_line() {
        assert_eq!(time(Some(2.1e9)), "2.10 s ");
        assert_eq!(time(Some(2.1e6)), "2.10 ms");
        assert_eq!(time(None), "n/a");
    }

    #[test]
    fn colour_changes_no_letter() {
        for width in [60, 100] {
            let paths_run = [path_of("mysql", &[10, 20]), path_of("warm", &[1])];
            let plain = paths(&paths_run, &Style { width, color: false }).lines.join("\n");
            let colored = paths(&paths_run, &Style { width, color: true }).lines.join("\n");
            assert_ne!(plain, colored);
            assert_eq!(anstream::adapter::strip_str(&colored).to_string(), plain);
        }
    }
}
