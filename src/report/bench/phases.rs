//! The phases of a hit and of a miss.

use super::table;
use crate::model::phase::Phase;
use crate::report::blocks::{Block, Row, Section, Table};
use crate::report::names;
use crate::report::numbers::{NONE, list};
use crate::run_file::{PathRun, WorkloadRun};
use crate::units;

/// The phases that were timed must add up to at least this share of the mean.
const ENOUGH: f64 = 0.97;

/// One table for each codec; none if no path has several phases.
pub(super) fn sections(codecs: &[WorkloadRun]) -> Vec<Section> {
    codecs.iter().filter_map(|workload| section(workload, codecs.len() > 1)).collect()
}

fn section(workload: &WorkloadRun, with_codec: bool) -> Option<Section> {
    let mut paths: Vec<&PathRun> = split(workload).collect();
    paths.sort_by_key(|path| names::rank(&path.path));
    if paths.is_empty() {
        return None;
    }
    let phases = Phase::ALL.iter().map(|part| part.name());
    let known = phases.filter(|phase| paths.iter().any(|path| path.parts_mean_ns.contains_key(*phase)));
    let rows = known.map(|phase| Row::new(phase, paths.iter().flat_map(|path| cells(path, phase)).collect()));
    let titles = paths.iter().flat_map(|path| [names::path(&path.path), "share"]);
    let table = Table::of_numbers("phase", titles, rows.collect());
    let sums: Vec<String> = paths.iter().filter_map(|path| Some(sum(path, share_of_mean(path)?))).collect();
    let stored = stored(workload);
    let with = if with_codec { format!(" with {}", workload.codec) } else { String::new() };
    Some(Section::titled(
        format!("Where the time of {}{with} goes: the mean of each phase", workload.name),
        vec![Block::Table(table), Block::Sentence(format!("The phases add up to {}.{stored}", list(&sums)))],
    ))
}

/// When the entry of a miss was stored: later than its answer was usable.
fn stored(workload: &WorkloadRun) -> String {
    let miss = workload.paths.iter().find(|path| path.path == "cold");
    match miss.and_then(|miss| miss.stored_mean_ns) {
        Some(ns) => {
            format!(" Redis had answered for the entry of a miss {} after it began.", units::duration(ns))
        }
        None => String::new(),
    }
}

fn split(workload: &WorkloadRun) -> impl Iterator<Item = &PathRun> {
    workload.paths.iter().filter(|path| path.parts_mean_ns.len() > 1 && path.operations > 0)
}

fn cells(path: &PathRun, phase: &str) -> [String; 2] {
    match (path.parts_mean_ns.get(phase), path.mean_ns) {
        (Some(&ns), Some(mean_ns)) => [units::duration(ns), share(ns / mean_ns)],
        _ => [NONE.to_owned(), String::new()],
    }
}

fn share(share: f64) -> String {
    if share < 0.005 { "<1 %".to_owned() } else { format!("{:.0} %", share * 100.0) }
}

fn share_of_mean(path: &PathRun) -> Option<f64> {
    Some(path.parts_mean_ns.values().sum::<f64>() / path.mean_ns?)
}

fn sum(path: &PathRun, share: f64) -> String {
    // Rounded down, so that 100 % means all of it.
    format!("{:.1} % of a {}", (share * 1000.0).floor() / 10.0, names::path(&path.path))
}

/// A note on phases that do not add up to the mean; none where they do.
pub(in crate::report) fn failures(codecs: &[WorkloadRun]) -> Option<Section> {
    let short: Vec<String> = table::named(codecs)
        .iter()
        .filter(|(.., path)| path.parts_mean_ns.len() > 1)
        .filter_map(|(label, _, path)| Some((label, share_of_mean(path)?)))
        .filter(|(_, share)| !(ENOUGH..1.0 + 1e-6).contains(share))
        .map(|(label, share)| format!("{:.0} % of a {label}", share * 100.0))
        .collect();
    let note = format!("The timed phases add up to {}; -v shows them.", list(&short));
    (!short.is_empty()).then(|| Section::new(vec![Block::Note(note)]))
}
