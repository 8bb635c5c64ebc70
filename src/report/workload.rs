//! One workload: what is read, the table of its paths, what the table cannot say, the histograms.

use super::layout::{clean, counted, heading, list, paragraph};
use super::table::{self, PERCENTILES};
use super::{ALERT, Style, chart, parts, verified};
use crate::run_file::{CurvePoint, PathRun, WorkloadRun};
use crate::units;

/// The blocks of one workload.
pub(super) fn blocks(workload: &WorkloadRun, style: &Style) -> Vec<Vec<String>> {
    let mut head = heading(&title(workload), style);
    if workload.paths.iter().any(|path| path.operations > 0) {
        head.extend(paragraph(&makeup(workload), style));
    }
    vec![
        head,
        table_block(&workload.paths, style),
        chart_block(workload, style),
        parts::block(&workload.paths, style),
        curve_block(&workload.hit_ratio_curve, style),
        verified::block(workload, style),
    ]
}

/// The table and what it cannot say; without any reads, only why.
pub(super) fn table_block(paths: &[PathRun], style: &Style) -> Vec<String> {
    let mut lines = Vec::new();
    if paths.iter().any(|path| path.operations > 0) {
        let table = table::paths(paths, style);
        lines.extend(table.lines);
        let counts = if table.has_counts { None } else { hits_and_misses(paths) };
        lines.extend(
            [intervals(paths), counts, withheld(paths), from_disk(paths)]
                .iter()
                .flatten()
                .flat_map(|note| paragraph(note, style)),
        );
    }
    let trouble = trouble(paths);
    let trouble = trouble.iter().flat_map(|note| paragraph(note, style));
    lines.extend(trouble.map(|line| style.paint(ALERT, &line)));
    lines
}

pub(super) fn title(workload: &WorkloadRun) -> String {
    let name = clean(&workload.name);
    match meaning(&workload.name) {
        Some(meaning) => format!("Workload {name}: {meaning}"),
        None => format!("Workload {name}"),
    }
}

/// What a workload reads, in a few words.
pub(super) fn meaning(workload: &str) -> Option<&'static str> {
    match workload {
        "all" => Some("every user, under one key"),
        "page" => Some("50 users in a row, one key a page"),
        "point" => Some("one user, one key a user"),
        "aggregate" => Some("the ten most frequent e-mail domains, under one key"),
        _ => None,
    }
}

fn makeup(workload: &WorkloadRun) -> String {
    if workload.paths.iter().all(|path| path.disk.is_some()) {
        return format!("{}, read from disk alone", counted(workload.keys, "key", "keys"));
    }
    let keys = counted(workload.keys, "key", "keys");
    let codec = clean(&workload.codec);
    let entry = match entry_bytes(workload) {
        Some(bytes) => {
            let entries = if workload.keys == 1 { "entry" } else { "entries" };
            format!("{entries} of {bytes} ({codec})")
        }
        None => format!("no entry written ({codec})"),
    };
    let rounds = counted(workload.rounds, "round", "rounds");
    let block = counted(workload.block, "read", "reads");
    format!("{keys}, {entry}; {rounds} of {block} a path")
}

/// How large an entry is, where one was written.
pub(super) fn entry_bytes(workload: &WorkloadRun) -> Option<String> {
    workload.value_bytes.map(|bytes| units::bytes(bytes as f64))
}

/// How sure the means are.
fn intervals(paths: &[PathRun]) -> Option<String> {
    let intervals: Vec<String> = paths
        .iter()
        .filter_map(|path| {
            let [low, high] = path.mean_ci95_ns?.map(units::duration);
            Some(format!("{} {low} to {high}", clean(&path.path)))
        })
        .collect();
    (!intervals.is_empty()).then(|| format!("95 % intervals of the means: {}.", intervals.join("; ")))
}

/// The counts for which the table had no room.
fn hits_and_misses(paths: &[PathRun]) -> Option<String> {
    let counts: Vec<String> = paths
        .iter()
        .filter_map(|path| {
            let (hits, misses) = (path.hits?, path.misses?);
            let hits = counted(hits, "hit", "hits");
            let misses = counted(misses, "miss", "misses");
            Some(format!("{} {hits}, {misses}", clean(&path.path)))
        })
        .collect();
    (!counts.is_empty()).then(|| format!("Counted by the cache: {}.", counts.join("; ")))
}

/// Why a percentile is not there.
fn withheld(paths: &[PathRun]) -> Option<String> {
    let measured = || paths.iter().filter(|path| path.operations > 0);
    let needs: Vec<String> = PERCENTILES
        .iter()
        .filter(|name| measured().any(|path| table::percentile(&path.percentiles_ns, name).is_none()))
        .filter_map(|name| Some((name, units::count(reads_needed(name)?))))
        .enumerate()
        .map(|(index, (name, reads))| match index {
            0 => format!("p{name} needs {reads} reads"),
            _ => format!("p{name} {reads}"),
        })
        .collect();
    (!needs.is_empty()).then(|| format!("n/a: {}, so that ten lie above it.", list(&needs)))
}

/// What InnoDB fetched for a read from disk, and why its row has no rate.
fn from_disk(paths: &[PathRun]) -> Option<String> {
    let path = paths.iter().find(|path| path.disk.is_some() && path.operations > 0)?;
    let name = clean(&path.path);
    let pages = path.disk.as_ref().and_then(|disk| disk.pages_per_read).map(|pages| {
        let pages = units::whole(pages.round());
        format!("InnoDB fetched {} for each read of {name}. ", counted(pages, "page", "pages"))
    });
    let pages = pages.unwrap_or_default();
    Some(format!("{pages}{name} has no reads/s: a restart lies between any two."))
}

/// A percentile is shown only if ten reads lie above it.
fn reads_needed(percentile: &str) -> Option<u64> {
    let above = 1.0 - percentile.parse::<f64>().ok()? / 100.0;
    Some(units::whole(10.0 / above))
}

/// Reads that are in no number of the table, and paths without any.
fn trouble(paths: &[PathRun]) -> Vec<String> {
    if paths.iter().all(|path| path.operations == 0 && path.errors.is_empty()) {
        return vec!["Nothing was read.".to_owned()];
    }
    let mut notes = Vec::new();
    for path in paths {
        let name = clean(&path.path);
        let failed: u64 = path.errors.values().sum();
        let reads = counted(failed, "read", "reads");
        let kinds = error_kinds(path);
        match (path.operations, failed) {
            (0, 0) => notes.push(format!("Nothing was read on {name}.")),
            (0, _) => notes.push(format!("Nothing was measured on {name}: every read failed ({kinds}).")),
            (_, 0) => {}
            _ => notes.push(format!("On {name} {reads} failed ({kinds}); they are in no other number.")),
        }
        if path.saturated > 0 {
            let reads = counted(path.saturated, "read", "reads");
            notes.push(format!("On {name} {reads} took longer than one hour, where the histogram ends."));
        }
    }
    notes
}

fn error_kinds(path: &PathRun) -> String {
    let kinds =
        path.errors.iter().map(|(kind, number)| format!("{}: {}", clean(kind), units::count(*number)));
    kinds.collect::<Vec<_>>().join(", ")
}

fn chart_block(workload: &WorkloadRun, style: &Style) -> Vec<String> {
    let lines = chart::draw(&workload.paths, style);
    if lines.is_empty() {
        return lines;
    }
    let caption = "How long a read took, on a logarithmic axis; each path fills its own height.";
    paragraph(caption, style).into_iter().chain(lines).collect()
}

/// What a read would take at other hit ratios, and what MySQL would still see of the reads.
fn curve_block(curve: &[CurvePoint], style: &Style) -> Vec<String> {
    if curve.is_empty() {
        return Vec::new();
    }
    let mean = |ns: Option<f64>| ns.map_or_else(|| table::WITHHELD.to_owned(), units::duration);
    let grid = [
        curve_row("hit ratio", curve, &|point| format!("{} %", point.hit_percent)),
        curve_row("mean read", curve, &|point| mean(point.mean_ns)),
        curve_row("MySQL reads", curve, &|point| format!("{:.0} %", (1.0 - point.mysql_reads_saved) * 100.0)),
    ];
    let caption = "Expected at other hit ratios, from the cold and the warm path:";
    paragraph(caption, style).into_iter().chain(table::set(&grid, 1, style)).collect()
}

/// One row of a table of the curve.
pub(super) fn curve_row(
    name: &str,
    curve: &[CurvePoint],
    cell: &dyn Fn(&CurvePoint) -> String,
) -> Vec<String> {
    std::iter::once(name.to_owned()).chain(curve.iter().map(cell)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_reads_lie_above_a_percentile() {
        let needed = PERCENTILES.map(|name| reads_needed(name).unwrap());
        assert_eq!(needed, [20, 100, 1_000, 10_000]);
    }
}
