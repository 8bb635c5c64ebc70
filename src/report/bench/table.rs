//! The paths of a workload as one table, with their distributions beside it.

use super::summary::Basis;
use crate::report::blocks::{Block, Row, Table, Tone};
use crate::report::charts;
use crate::report::names;
use crate::report::numbers::{NONE, UNKNOWN, capitalised, duration, list, mean_ns, percentile};
use crate::run_file::{PathRun, WorkloadRun};
use crate::stats::summary::samples_needed;
use crate::units::{self, counted};

/// The percentiles of the short table, by their names in the run file.
const SHORT: [&str; 3] = ["50", "95", "99"];
/// Those of the long one.
const LONG: [&str; 5] = ["50", "90", "95", "99", "99.9"];

/// A path under the name of its row.
pub(in crate::report) type Named<'a> = (String, Tone, &'a PathRun);

/// The paths of a workload in the order of the table; those of several codecs with the codec behind
/// them.
pub(in crate::report) fn named(codecs: &[WorkloadRun]) -> Vec<Named<'_>> {
    let several = codecs.len() > 1;
    let mut paths: Vec<Named<'_>> = Vec::new();
    for workload in codecs {
        for path in &workload.paths {
            let name = names::path(&path.path);
            let is_shared = path.hits.is_none() && path.misses.is_none();
            let label =
                if several && !is_shared { format!("{name} {}", workload.codec) } else { name.to_owned() };
            if !paths.iter().any(|(known, ..)| *known == label) {
                paths.push((label, names::tone(&path.path), path));
            }
        }
    }
    paths.sort_by_key(|(.., path)| names::rank(&path.path));
    paths
}

/// Means, a few percentiles and the distributions; then what the table cannot say. The reads that
/// ratios compare are a column, whichever they are.
pub(super) fn brief(paths: &[Named<'_>], basis: Basis) -> Vec<Block> {
    let read: Vec<Named<'_>> = paths.iter().filter(|(.., path)| path.operations > 0).cloned().collect();
    let mut blocks = Vec::new();
    if !read.is_empty() {
        let typical = (basis == Basis::Typical).then(|| "typical".to_owned());
        let titles =
            typical.into_iter().chain(["mean".to_owned()]).chain(SHORT.iter().map(|name| format!("p{name}")));
        let rows = read.iter().map(|(label, tone, path)| Row {
            label: label.clone(),
            tone: *tone,
            cells: short_cells(path, basis),
        });
        let table = Table::of_numbers("", titles.chain(["max".to_owned()]), rows.collect());
        let table = table.without_blank_columns(&[UNKNOWN]);
        let note = unknown(&table, &read, &SHORT);
        blocks.push(Block::Table(Table { chart: charts::of_paths(&read, charts::MOST), ..table }));
        blocks.extend(note.map(Block::Sentence));
    }
    blocks.extend(trouble(paths));
    blocks
}

fn short_cells(path: &PathRun, basis: Basis) -> Vec<String> {
    let typical = (basis == Basis::Typical).then(|| duration(path.typical_ns));
    let mut cells: Vec<String> = typical.into_iter().chain([duration(mean_ns(path))]).collect();
    cells.extend(SHORT.iter().map(|name| duration(percentile(&path.percentiles_ns, name))));
    cells.push(duration(path.max_ns.map(|ns| ns as f64)));
    cells
}

/// Every number of the paths, and their whole distributions.
pub(super) fn full(paths: &[Named<'_>]) -> Vec<Block> {
    let read = read(paths);
    let mut blocks = numbers_of(&read);
    blocks.extend(charts::of_paths(&read, charts::ALL).map(Block::Chart));
    blocks.extend(trouble(paths));
    blocks
}

/// Every number of the paths, without their distributions.
pub(in crate::report) fn numbers(paths: &[Named<'_>]) -> Vec<Block> {
    [numbers_of(&read(paths)), trouble(paths)].concat()
}

fn read<'a>(paths: &[Named<'a>]) -> Vec<Named<'a>> {
    paths.iter().filter(|(.., path)| path.operations > 0).cloned().collect()
}

fn numbers_of(read: &[Named<'_>]) -> Vec<Block> {
    let mut blocks = Vec::new();
    if !read.is_empty() {
        let percentiles = LONG.iter().map(|name| format!("p{name}"));
        let titles =
            ["reads", "mean", "95 % from", "95 % to"].map(str::to_owned).into_iter().chain(percentiles);
        let titles = titles.chain(["max", "reads/s", "hits", "misses"].map(str::to_owned));
        let rows = read.iter().map(|(label, tone, path)| Row {
            label: label.clone(),
            tone: *tone,
            cells: long_cells(path),
        });
        let table = Table::of_numbers("", titles, rows.collect()).without_blank_columns(&[UNKNOWN, NONE]);
        let note = unknown(&table, read, &LONG);
        blocks.push(Block::Table(table));
        blocks.extend(note.map(Block::Sentence));
        blocks.extend(from_disk(read).map(Block::Sentence));
    }
    blocks
}

fn long_cells(path: &PathRun) -> Vec<String> {
    let end = |index: usize| duration(path.mean_ci95_ns.and_then(|ends| ends.get(index).copied()));
    let mut cells = vec![units::count(path.operations), duration(mean_ns(path)), end(0), end(1)];
    cells.extend(LONG.iter().map(|name| duration(percentile(&path.percentiles_ns, name))));
    cells.push(duration(path.max_ns.map(|ns| ns as f64)));
    cells.push(
        path.throughput_per_s
            .map_or(NONE.to_owned(), |rate| units::rate(rate).trim_end_matches("/s").to_owned()),
    );
    cells.extend([path.hits, path.misses].map(|count| count.map_or(NONE.to_owned(), units::count)));
    cells
}

/// The reads that the missing percentiles of a table need, if the table has any.
fn unknown(table: &Table, read: &[Named<'_>], percentiles: &[&str]) -> Option<String> {
    let is_shown = |name: &str| table.columns.iter().any(|column| column.title == format!("p{name}"));
    let is_missing =
        |name: &str| read.iter().any(|(.., path)| percentile(&path.percentiles_ns, name).is_none());
    let needs: Vec<String> = percentiles
        .iter()
        .filter(|name| is_shown(name) && is_missing(name))
        .filter_map(|name| Some((name, units::count(samples_needed(name.parse().ok()?)))))
        .map(|(name, reads)| format!("p{name} needs {reads} reads"))
        .collect();
    (!needs.is_empty()).then(|| format!("?: {}.", list(&needs)))
}

/// The pages that InnoDB fetched for a read from disk.
fn from_disk(read: &[Named<'_>]) -> Option<String> {
    let pages = read.iter().find_map(|(.., path)| path.disk.as_ref()?.pages_per_read)?;
    let pages = counted(units::whole(pages), "page", "pages");
    Some(format!("InnoDB fetched {pages} for each read from disk."))
}

/// Reads that are in no number of the table, and paths without any.
fn trouble(paths: &[Named<'_>]) -> Vec<Block> {
    if paths.iter().all(|(.., path)| path.operations == 0 && path.errors.is_empty()) {
        return vec![Block::Note("Nothing was read.".to_owned())];
    }
    paths.iter().flat_map(|(label, _, path)| trouble_of(label, path)).map(Block::Note).collect()
}

fn trouble_of(label: &str, path: &PathRun) -> Vec<String> {
    let failed: u64 = path.errors.values().sum();
    let kinds: Vec<String> =
        path.errors.iter().map(|(kind, number)| format!("{kind}: {}", units::count(*number))).collect();
    let kinds = kinds.join(", ");
    let name = capitalised(label);
    let mut notes = Vec::new();
    match (path.operations, failed) {
        (0, 0) => notes.push(format!("{name}: nothing was read.")),
        (0, _) => notes.push(format!("{name}: every read failed ({kinds}).")),
        (_, 0) => {}
        _ => {
            let reads = counted(failed, "read", "reads");
            notes.push(format!("{name}: {reads} failed ({kinds}) and are in no other number."));
        }
    }
    if path.saturated > 0 {
        let reads = counted(path.saturated, "read", "reads");
        notes.push(format!("{name}: {reads} took longer than one hour, the end of the histogram."));
    }
    notes
}
