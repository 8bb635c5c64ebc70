//! Warnings that spoil or qualify the numbers: in one line each above the summary, or in full.

use super::summary::{self, Basis, UNSTEADY};
use crate::report::blocks::{Block, Entry, Section, Tone};
use crate::report::numbers::{capitalised, list};
use crate::run_file::{Run, Warning};
use crate::units::counted;

/// Cases of one kind that are spelled out; the run file has them all.
const SHOWN: usize = 3;

/// One sentence for each kind of warning that changes how to read a number.
pub(in crate::report) fn in_short(run: &Run) -> Option<Section> {
    let interrupted = run
        .interrupted
        .then(|| "Interrupted: every number covers only what was measured until then.".to_owned());
    let awake = (run.config.placement == "even" && !run.config.cores_awake).then(|| {
        "Idle cores may have slept between reads (no access to /dev/cpu_dma_latency): the shortest reads vary more."
            .to_owned()
    });
    let kinds =
        kinds(run).into_iter().filter(|(code, _)| !UNSTEADY.contains(code) && *code != "too_few_rounds");
    let others = kinds.map(|(code, warnings)| short(code, &warnings));
    let notes: Vec<Block> =
        interrupted.into_iter().chain(awake).chain(others).chain(unsteady(run)).map(Block::Note).collect();
    (!notes.is_empty()).then(|| Section::new(notes))
}

/// The reason why means are unreliable, and the consequence for the summary.
fn unsteady(run: &Run) -> Option<String> {
    let causes: Vec<String> = kinds(run)
        .iter()
        .filter_map(|(code, warnings)| {
            Some(match *code {
                "busy_machine" => "the machine was busy before the run".to_owned(),
                "stolen_time" => "its host gave processor time to others".to_owned(),
                "outliers" => format!(
                    "some rounds of {} are far slower than the others",
                    counted(warnings.len() as u64, "path", "paths")
                ),
                _ => return None,
            })
        })
        .collect();
    if causes.is_empty() {
        return None;
    }
    let effect = match summary::basis(run) {
        Basis::Typical => {
            "ratios compare typical reads (the median over rounds of their geometric mean), not means"
        }
        Basis::Means => "trust p50 more than the mean",
    };
    Some(format!("Noise: {}; {effect}.", list(&causes)))
}

fn short(code: &str, warnings: &[&Warning]) -> String {
    match code {
        "debug_build" => {
            "This is a debug build, whose own work is in every number: use a release build.".to_owned()
        }
        "closed_loop_hides_stalls" => format!(
            "Stalls held up reads of {}. A client that waits asks nothing meanwhile, so requests that keep arriving \
             would see more of them; -v says how long they were.",
            counted(warnings.len() as u64, "path", "paths")
        ),
        "slow_first_reads" => "The first rounds were slower while caches filled: measure longer.".to_owned(),
        _ => {
            let message = warnings.first().map_or("", |warning| warning.message.as_str());
            let cause = message.split("; ").next().unwrap_or_default().trim_end_matches('.');
            let more = warnings.len().saturating_sub(1) as u64;
            let more = if more > 0 {
                format!(" (and {})", counted(more, "more case", "more cases"))
            } else {
                String::new()
            };
            format!("{}{more}.", capitalised(cause))
        }
    }
}

/// Every warning with its cause and what to do.
pub(in crate::report) fn in_full(run: &Run) -> Option<Section> {
    let kinds = kinds(run);
    if kinds.is_empty() && !run.interrupted {
        return None;
    }
    let interrupted = run.interrupted.then(|| {
        Block::Note("Interrupted: every number covers only what was measured until then.".to_owned())
    });
    let entries = kinds.iter().flat_map(|(code, warnings)| {
        messages(warnings).into_iter().enumerate().map(|(index, text)| {
            let label = if index == 0 { (*code).to_owned() } else { String::new() };
            Entry { label, tone: Tone::Alert, text }
        })
    });
    let entries: Vec<Entry> = entries.collect();
    let entries = (!entries.is_empty()).then_some(Block::Entries(entries));
    Some(Section::titled("Warnings", interrupted.into_iter().chain(entries).collect()))
}

/// The warnings of each code, in the order in which the codes first came.
fn kinds(run: &Run) -> Vec<(&str, Vec<&Warning>)> {
    let mut kinds: Vec<(&str, Vec<&Warning>)> = Vec::new();
    for warning in &run.warnings {
        match kinds.iter_mut().find(|(code, _)| *code == warning.code) {
            Some((_, warnings)) => warnings.push(warning),
            None => kinds.push((&warning.code, vec![warning])),
        }
    }
    kinds
}

/// The messages of one code. If all end alike behind a colon, the first few cases and what they
/// have in common.
fn messages(warnings: &[&Warning]) -> Vec<String> {
    let split: Option<Vec<(&str, &str)>> =
        warnings.iter().map(|warning| warning.message.split_once(": ")).collect();
    let alike = split.filter(|split| {
        split.len() > 1
            && split.iter().all(|(_, common)| Some(common) == split.first().map(|(_, common)| common))
    });
    let Some(alike) = alike else {
        return warnings.iter().map(|warning| warning.message.clone()).collect();
    };
    let more = alike.len().saturating_sub(SHOWN) as u64;
    let cases = alike.iter().take(SHOWN).map(|(case, _)| (*case).to_owned());
    let rest = (more > 0).then(|| format!("and {} of the kind", counted(more, "more case", "more cases")));
    let common = alike.first().map(|(_, common)| format!("{}.", capitalised(common)));
    cases.chain(rest).map(|case| format!("- {case}")).chain(common).collect()
}
