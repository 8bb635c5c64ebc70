//! The page of a run: what was read, how long it took, and what that means.

pub(super) mod assertions;
pub(super) mod codecs;
pub(super) mod counters;
pub(super) mod head;
mod own;
pub(super) mod phases;
pub(super) mod round_trips;
pub(super) mod setting;
pub(super) mod summary;
pub(super) mod table;
#[cfg(test)]
mod tests;
pub(super) mod verified;
pub(super) mod warnings;
pub(super) mod workload;

use super::blocks::{Page, Section};
use crate::run_file::own::ExplainStep;
use crate::run_file::{Run, WorkloadRun};

/// The amount of detail on a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Detail {
    /// The page for a reader in a hurry.
    Brief,
    /// Everything that is known.
    Full,
}

/// The whole page; the summary is last.
pub(crate) fn page(run: &Run, detail: Detail) -> Page {
    whole_page(run, detail, false)
}

/// Like [`page`], for a run that is saved anyway.
pub(crate) fn page_of_saved(run: &Run, detail: Detail) -> Page {
    whole_page(run, detail, true)
}

fn whole_page(run: &Run, detail: Detail, is_saved: bool) -> Page {
    let is_full = detail == Detail::Full;
    let basis = summary::basis(run);
    let mut sections: Vec<Section> = vec![head::section(run)];
    if is_full {
        sections.extend(setting::sections(run));
    }
    sections.extend(
        by_workload(run).flat_map(|codecs| workload::sections(codecs, run.config.clients, detail, basis)),
    );
    if is_full {
        sections.extend(round_trips::section(run));
        sections.extend(counters::section(run));
    }
    sections.extend(assertions::section(run));
    sections.extend(if is_full { warnings::in_full(run) } else { warnings::in_short(run) });
    sections.extend(summary::sections(run, detail, is_saved));
    sections
}

/// The way in which MySQL reads the tables of a query, in a sentence; none if it did not say.
pub(crate) fn plan_of(steps: &[ExplainStep]) -> Option<String> {
    own::plan(steps)
}

/// The runs of each workload: one, or one for each codec if several were measured side by side.
pub(super) fn by_workload(run: &Run) -> impl Iterator<Item = &[WorkloadRun]> {
    run.workloads.chunk_by(|one, other| one.name == other.name)
}
