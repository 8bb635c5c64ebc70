//! The summary: what a hit gains, what a miss costs, and the hit ratio above which Redis is worth
//! it.

use super::{Detail, by_workload, own};
use crate::claims::{self, Worth};
use crate::report::blocks::{Block, Role, Row, Section, Table};
use crate::report::numbers::{NONE, UNKNOWN, faster_or_slower, hit_ratio, inverse, measured};
use crate::run_file::{HitRatio, Ratio, Run, WorkloadRun};

const HIT: &str = "a hit, against MySQL";
const MISS: &str = "a miss, against MySQL";
const WORTH: &str = "Redis is worth it above";
/// The same with shorter cells, for longer labels.
const WORTH_HIT_RATIO: &str = "worth it above hit ratio";
const NEVER: &str = "never";
const ALWAYS: &str = "0 % hits";
const DETAILS: &str = "-v: where the time goes, settings, counters";
const SAVE: &str = "--output run.json: save the run";

/// The reads that ratios are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::report) enum Basis {
    /// All of them.
    Means,
    /// Typical ones, which neither a few slow rounds nor a few slow reads change.
    Typical,
}

/// Warnings about means that typical reads are free of.
pub(super) const UNSTEADY: [&str; 3] = ["busy_machine", "stolen_time", "outliers"];

/// The basis that the warnings of a run leave; old runs have means alone.
pub(in crate::report) fn basis(run: &Run) -> Basis {
    let is_unsteady = run.warnings.iter().any(|warning| UNSTEADY.contains(&warning.code.as_str()));
    let has_typical = run.workloads.iter().any(|workload| workload.typical.speedup.is_some());
    if is_unsteady && has_typical { Basis::Typical } else { Basis::Means }
}

/// The ratios of a workload on one basis.
pub(in crate::report) struct Ratios<'a> {
    pub(in crate::report) speedup: Option<Ratio>,
    pub(in crate::report) miss_penalty: Option<Ratio>,
    pub(in crate::report) break_even: Option<HitRatio>,
    workload: &'a WorkloadRun,
}

impl<'a> Ratios<'a> {
    pub(in crate::report) fn new(workload: &'a WorkloadRun, basis: Basis) -> Self {
        let (speedup, miss_penalty, break_even) = match basis {
            Basis::Means => (workload.speedup, workload.miss_penalty, workload.break_even_hit_ratio),
            Basis::Typical => {
                let typical = &workload.typical;
                (typical.speedup, typical.miss_penalty, typical.break_even_hit_ratio)
            }
        };
        Self { speedup, miss_penalty, break_even, workload }
    }

    fn hit(&self) -> String {
        self.cell(self.speedup, "warm")
    }

    fn miss(&self) -> String {
        self.cell(self.miss_penalty.as_ref().map(inverse), "cold")
    }

    fn cell(&self, speed: Option<Ratio>, path: &str) -> String {
        match speed {
            Some(speed) => faster_or_slower(&speed),
            None if self.has("mysql") && self.has(path) => UNKNOWN.to_owned(),
            None => NONE.to_owned(),
        }
    }

    /// The hit ratio above which Redis saves time.
    pub(in crate::report) fn worth(&self) -> String {
        match (self.claim(), &self.break_even) {
            (Worth::AboveBreakEven, Some(value)) => hit_ratio(value),
            (Worth::Never, _) => NEVER.to_owned(),
            (Worth::Always, _) => ALWAYS.to_owned(),
            _ if ["mysql", "cold", "warm"].iter().all(|path| self.has(path)) => UNKNOWN.to_owned(),
            _ => NONE.to_owned(),
        }
    }

    /// The claim that the intervals allow.
    pub(in crate::report) fn claim(&self) -> Worth {
        let ends = |ratio: Option<Ratio>| ratio.map(|ratio| ratio.ci95);
        claims::worth(ends(self.speedup), ends(self.miss_penalty), self.break_even.is_some())
    }

    fn has(&self, path: &str) -> bool {
        measured(self.workload, path).is_some()
    }
}

/// The break-even hit ratio of means, for the curve, which is one of means.
pub(super) fn break_even_of_means(workload: &WorkloadRun) -> Option<f64> {
    let value = workload.break_even_hit_ratio?.value;
    (0.005..0.995).contains(&value).then_some(value)
}

/// The table, and on a short page a line with what else there is.
pub(super) fn sections(run: &Run, detail: Detail, is_saved: bool) -> Vec<Section> {
    let Some(summary) = table(run) else { return Vec::new() };
    let hint = (detail == Detail::Brief).then(|| {
        let text = if is_saved { DETAILS.to_owned() } else { format!("{DETAILS}; {SAVE}") };
        Section::new(vec![Block::Sentence(text)])
    });
    std::iter::once(summary).chain(hint).collect()
}

/// The table; none for a run without ratios.
pub(in crate::report) fn table(run: &Run) -> Option<Section> {
    let basis = basis(run);
    let rows: Vec<Row> = by_workload(run)
        .flat_map(|codecs| codecs.iter().map(move |workload| row(workload, codecs.len() > 1, basis)))
        .collect();
    let is_blank = |row: &Row| row.cells.iter().all(|cell| cell == NONE);
    if rows.iter().all(is_blank) {
        return None;
    }
    let has_unknown = rows.iter().flat_map(|row| &row.cells).any(|cell| cell.starts_with(UNKNOWN));
    let has_codecs = by_workload(run).any(|codecs| codecs.len() > 1);
    let worth = if has_codecs { WORTH_HIT_RATIO } else { WORTH };
    let mut table = Table::of_texts("", [HIT, MISS, worth], rows).without_blank_columns(&[NONE]);
    if has_codecs {
        let cells = table.rows.iter_mut().flat_map(|row| &mut row.cells);
        cells.for_each(|cell| *cell = cell.replace(" % hits", " %"));
    }
    let costs = own::costs(run);
    let mut blocks = vec![Block::Table(table)];
    if has_unknown {
        blocks.push(Block::Sentence(unknown(run)));
    }
    blocks.extend(costs);
    let of_what = match basis {
        Basis::Means => "",
        Basis::Typical => " of typical reads",
    };
    let title = format!("Summary{of_what} ({})", intervals(run));
    Some(Section { role: Role::Summary, ..Section::titled(title, blocks) })
}

/// The meaning of the intervals in brackets. A single run knows only the variation within it.
pub(in crate::report) fn intervals(run: &Run) -> &'static str {
    if run.runs.len() > 1 {
        "95 % intervals in brackets"
    } else {
        "95 % intervals within this run in brackets"
    }
}

fn row(workload: &WorkloadRun, with_codec: bool, basis: Basis) -> Row {
    let ratios = Ratios::new(workload, basis);
    let label =
        if with_codec { format!("{} {}", workload.name, workload.codec) } else { workload.name.clone() };
    Row::new(label, vec![ratios.hit(), ratios.miss(), ratios.worth()])
}

/// The way out of what cannot be told.
fn unknown(run: &Run) -> String {
    let has_too_few = run.warnings.iter().any(|warning| warning.code == "too_few_rounds");
    if has_too_few || run.interrupted {
        return "?: too few reads; measure longer.".to_owned();
    }
    "?: lost in the noise; measuring longer or on a quieter machine would decide it.".to_owned()
}
