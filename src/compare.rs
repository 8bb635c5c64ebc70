//! Two runs held side by side: whether they can be compared at all, how the candidate lies to the baseline, and a
//! verdict for each workload.
//!
//! The verdict stands on `warm_over_mysql`, a ratio taken within each run: both of its sides saw the same machine at the
//! same time, so that a slower runner does not look like a slower program. Times are compared for information only.

mod alike;
mod workloads;

use serde::Serialize;

use crate::run_file::{Ratio, Run};
use crate::stats::judge::Judgement;
use crate::stats::two_runs;

/// What `format` says in every saved comparison.
pub(crate) const FORMAT: &str = "rcache-comparison";
/// Raised when a field changes its meaning or goes; new fields leave it as it is.
pub(crate) const FORMAT_VERSION: u32 = 1;
/// How much warm / mysql may differ before anybody calls it a change, where nothing else was asked.
pub(crate) const DEFAULT_TOLERANCE_PERCENT: f64 = 10.0;

/// What was asked beside the two runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    pub(crate) tolerance_percent: f64,
    /// Whether the verdicts decide the exit status.
    pub(crate) gated: bool,
    /// Compare what should not be compared, and say so.
    pub(crate) force: bool,
}

/// The comparison, as `--format json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Comparison {
    /// Always `rcache-comparison`.
    pub(crate) format: &'static str,
    /// Raised when a field changes its meaning or goes. New fields leave it as it is: ignore what you do not know.
    pub(crate) format_version: u32,
    /// The rcache that compared, such as `0.1.0`.
    pub(crate) rcache_version: &'static str,
    /// The run to compare with.
    pub(crate) baseline: Side,
    /// The run that is judged.
    pub(crate) candidate: Side,
    /// True where the runs should not be compared, and `--force` had them compared all the same.
    pub(crate) forced: bool,
    /// Why they should not: what differs that changes a number.
    pub(crate) unlike: Vec<Difference>,
    /// Why they should not: a run that did not end well.
    pub(crate) unsound: Vec<Unsound>,
    /// What else differs, and may.
    pub(crate) other_differences: Vec<Difference>,
    /// How much warm / mysql may grow.
    pub(crate) tolerance_percent: f64,
    /// What the gate came to; null where none was asked for.
    pub(crate) gate: Option<Gate>,
    /// Every workload of either run.
    pub(crate) workloads: Vec<WorkloadComparison>,
}

/// One of the two runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Side {
    /// As it was typed.
    pub(crate) file: String,
    /// The rcache that measured.
    pub(crate) rcache_version: String,
    /// RFC 3339, UTC.
    pub(crate) started_at: String,
    /// The codes of the run's own warnings, each once.
    pub(crate) warnings: Vec<String>,
}

/// A field that is not the same in both runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Difference {
    /// Its path in the run file.
    pub(crate) field: String,
    /// Its value there.
    pub(crate) baseline: String,
    /// Its value there.
    pub(crate) candidate: String,
}

/// A run whose own bench did not end with exit status 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Unsound {
    /// `baseline` or `candidate`.
    pub(crate) run: &'static str,
    /// In words.
    pub(crate) reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Verdict {
    Improved,
    Unchanged,
    Regressed,
    Inconclusive,
}

impl Verdict {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::Unchanged => "unchanged",
            Self::Regressed => "regressed",
            Self::Inconclusive => "inconclusive",
        }
    }
}

impl From<two_runs::Verdict> for Verdict {
    fn from(verdict: two_runs::Verdict) -> Self {
        match verdict {
            two_runs::Verdict::Improved => Self::Improved,
            two_runs::Verdict::Unchanged => Self::Unchanged,
            two_runs::Verdict::Regressed => Self::Regressed,
            two_runs::Verdict::Inconclusive => Self::Inconclusive,
        }
    }
}

/// Whether a regression beyond the tolerance is ruled out, shown, or neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Gate {
    Passed,
    Failed,
    Undecided,
}

impl From<Judgement> for Gate {
    fn from(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Passes => Self::Passed,
            Judgement::Fails => Self::Failed,
            Judgement::Inconclusive => Self::Undecided,
        }
    }
}

/// One workload in both runs.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct WorkloadComparison {
    /// As in the run file.
    pub(crate) name: String,
    /// As in the run file.
    pub(crate) codec: String,
    /// For people: the name, with the codec where either run measured several of them.
    #[serde(skip)]
    pub(crate) label: String,
    /// What changed, as far as the intervals can tell.
    pub(crate) verdict: Verdict,
    /// Whether a regression beyond the tolerance is ruled out, shown, or neither.
    pub(crate) gate: Gate,
    /// What verdict and gate stand on.
    pub(crate) warm_over_mysql: RatioChange,
    /// mysql mean / warm mean.
    pub(crate) speedup: RatioChange,
    /// cold mean / mysql mean.
    pub(crate) miss_penalty: RatioChange,
    /// Mean times, for information.
    pub(crate) paths: Vec<PathChange>,
}

/// A ratio in both runs, and how it changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RatioChange {
    /// Null where the run has none.
    pub(crate) baseline: Option<Ratio>,
    /// Null where the run has none.
    pub(crate) candidate: Option<Ratio>,
    /// candidate / baseline
    pub(crate) change: Option<Ratio>,
    /// Why there is no change.
    pub(crate) withheld: Option<String>,
}

/// A path's mean time in both runs, and how it changed.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct PathChange {
    /// As in the run file.
    pub(crate) path: String,
    /// ns; null where nothing was read.
    pub(crate) baseline_mean_ns: Option<f64>,
    /// ns; null where nothing was read.
    pub(crate) candidate_mean_ns: Option<f64>,
    /// candidate / baseline
    pub(crate) change: Option<Ratio>,
    /// Why there is no change.
    pub(crate) withheld: Option<String>,
}

/// Runs that should not be compared, with every reason.
#[derive(Debug, thiserror::Error)]
#[error("the runs should not be compared:{}\n  measure both alike, or compare them all the same with --force", listed(.unlike, .unsound))]
pub(crate) struct Refusal {
    unlike: Vec<Difference>,
    unsound: Vec<Unsound>,
}

fn listed(unlike: &[Difference], unsound: &[Unsound]) -> String {
    let unlike = unlike.iter().map(|Difference { field, baseline, candidate }| {
        format!("\n  {field} differs: {baseline} in the baseline, {candidate} in the candidate")
    });
    let unsound = unsound.iter().map(|Unsound { run, reason }| format!("\n  the {run} {reason}"));
    // The values come out of files from anywhere.
    let clean = |line: String| crate::plain_text::lines(&line);
    unlike.chain(unsound).map::<String, _>(clean).collect()
}

/// A run and the name of its file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub(crate) file: &'a str,
    pub(crate) run: &'a Run,
}

/// Holds two runs side by side.
///
/// # Errors
/// [`Refusal`] where the runs are unlike or unsound, unless it is forced.
pub(crate) fn compare(
    baseline: Named<'_>,
    candidate: Named<'_>,
    options: &Options,
) -> Result<Comparison, Refusal> {
    let unlike = alike::unlike(baseline.run, candidate.run);
    let unsound = alike::unsound(baseline.run, candidate.run);
    let forced = !(unlike.is_empty() && unsound.is_empty());
    if forced && !options.force {
        return Err(Refusal { unlike, unsound });
    }
    let workloads = workloads::compare(baseline.run, candidate.run, options.tolerance_percent / 100.0);
    Ok(Comparison {
        format: FORMAT,
        format_version: FORMAT_VERSION,
        rcache_version: env!("CARGO_PKG_VERSION"),
        baseline: side(baseline),
        candidate: side(candidate),
        forced,
        unlike,
        unsound,
        other_differences: alike::other_differences(baseline.run, candidate.run),
        tolerance_percent: options.tolerance_percent,
        gate: options.gated.then(|| gate(&workloads)),
        workloads,
    })
}

/// One regression fails it, and one workload without a decision keeps it from passing: a gate that passes has ruled a
/// regression out for everything that was measured.
fn gate(workloads: &[WorkloadComparison]) -> Gate {
    let any = |gate| workloads.iter().any(|workload| workload.gate == gate);
    if any(Gate::Failed) {
        Gate::Failed
    } else if workloads.is_empty() || any(Gate::Undecided) {
        Gate::Undecided
    } else {
        Gate::Passed
    }
}

fn side(named: Named<'_>) -> Side {
    let run = named.run;
    let mut warnings: Vec<String> = run.warnings.iter().map(|warning| warning.code.clone()).collect();
    warnings.sort();
    warnings.dedup();
    Side {
        file: named.file.to_owned(),
        rcache_version: run.rcache_version.clone(),
        started_at: run.started_at.clone(),
        warnings,
    }
}
