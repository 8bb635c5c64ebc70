//! Two saved benches compared: what differs between them, how each path changed, and a verdict for
//! each gate.
//!
//! A gate answers whether the cached path became slower than it was, whatever MySQL and the machine
//! did (`figures`).

mod alike;
mod figures;
mod gate;
mod traffic;
mod workloads;

use serde::{Deserialize, Serialize};

pub(crate) use figures::BY_EQUALITY;
pub(crate) use gate::GateSpec;
pub(crate) use traffic::{
    FigureComparison, StrategyComparison, TRAFFIC_FORMAT, TRAFFIC_FORMAT_VERSION, TrafficComparison,
    TrafficOptions, compare_traffic,
};

use crate::model::Judgement;
pub(crate) use crate::model::Verdict;
use crate::run_file::{Ratio, Run};

/// The value of `format` in every saved comparison.
pub(crate) const FORMAT: &str = "rcache-comparison";
/// Raised when a field changes its meaning or goes; new fields leave it as it is.
pub(crate) const FORMAT_VERSION: u32 = 1;
/// The share by which a figure may differ before it counts as a change, if no gate says otherwise.
pub(crate) const DEFAULT_TOLERANCE_PERCENT: f64 = 10.0;

/// The request beside the two runs.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    pub(crate) tolerance_percent: f64,
    /// Gate hits and misses of every workload at that tolerance.
    pub(crate) gated: bool,
    /// Gates of single paths; each takes the place of the one that `gated` makes for its path.
    pub(crate) gates: Vec<GateSpec>,
    /// Compare what should not be compared, and say so.
    pub(crate) force: bool,
}

/// The comparison, as `--format json` prints it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Comparison {
    /// Always `rcache-comparison`.
    pub(crate) format: String,
    /// Raised when a field changes its meaning or goes. New fields leave it as it is: ignore what
    /// you do not know.
    pub(crate) format_version: u32,
    /// The rcache that compared, such as `0.1.0`.
    pub(crate) rcache_version: String,
    /// The run to compare with.
    pub(crate) baseline: Side,
    /// The run that is judged.
    pub(crate) candidate: Side,
    /// True if both files hold the same measurement.
    pub(crate) identical: bool,
    /// True if the runs should not be compared, and `--force` had them compared all the same.
    pub(crate) forced: bool,
    /// Why they should not: they measured different things.
    pub(crate) unlike: Vec<Difference>,
    /// Why they should not: a run that did not end well.
    pub(crate) unsound: Vec<Unsound>,
    /// Settings that differ, of rcache or of a server: a change is theirs as much as the
    /// candidate's.
    pub(crate) settings_differences: Vec<Difference>,
    /// Differences of the machine and of the servers' versions. The controls take out what they
    /// can.
    pub(crate) environment_differences: Vec<Difference>,
    /// Other differences, which do not change what was measured.
    pub(crate) other_differences: Vec<Difference>,
    /// True if the variation between runs was measured on both sides (`bench --runs`), false if
    /// some of it is assumed.
    pub(crate) variation_measured: bool,
    /// The share by which a figure may grow, if no gate says otherwise.
    pub(crate) tolerance_percent: f64,
    /// The result of all gates together; null if none was asked for.
    pub(crate) gate: Option<Gate>,
    /// Each gate and its result; empty if none was asked for.
    pub(crate) gates: Vec<GateResult>,
    /// Every workload of either run.
    pub(crate) workloads: Vec<WorkloadComparison>,
}

/// One of the two runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Side {
    /// The text as it was typed.
    pub(crate) file: String,
    /// The rcache that measured.
    pub(crate) rcache_version: String,
    /// RFC 3339, UTC.
    pub(crate) started_at: String,
    /// The number of runs in the file.
    pub(crate) runs: usize,
    /// The codes of the run's own warnings, each once.
    pub(crate) warnings: Vec<String>,
}

/// A field that is not the same in both runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct Unsound {
    /// `baseline` or `candidate`.
    pub(crate) run: String,
    /// In words.
    pub(crate) reason: String,
}

/// Whether a regression beyond the tolerance is ruled out, shown, or neither.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub(crate) enum Gate {
    Passed,
    Failed,
    Undecided,
}

impl Gate {
    /// One failure fails all, and one without a decision keeps all from passing.
    fn all(gates: impl IntoIterator<Item = Self>) -> Self {
        let mut all = None;
        for gate in gates {
            all = match (all, gate) {
                (Some(Self::Failed), _) | (_, Self::Failed) => Some(Self::Failed),
                (Some(Self::Undecided), _) | (_, Self::Undecided) => Some(Self::Undecided),
                (None | Some(Self::Passed), Self::Passed) => Some(Self::Passed),
            };
        }
        all.unwrap_or(Self::Undecided)
    }
}

impl From<Judgement> for Gate {
    fn from(judgement: Judgement) -> Self {
        match judgement {
            Judgement::Passed => Self::Passed,
            Judgement::Failed => Self::Failed,
            Judgement::Inconclusive => Self::Undecided,
        }
    }
}

/// One gate and its result.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct GateResult {
    /// `WORKLOAD.PATH` or `WORKLOAD.PATH.FIGURE`.
    pub(crate) name: String,
    /// The codec, if the workload was measured with several; null otherwise.
    pub(crate) codec: Option<String>,
    /// The share by which the figure may grow.
    pub(crate) tolerance_percent: f64,
    /// The result.
    pub(crate) result: Gate,
    /// The change that decided, or the one that could not.
    pub(crate) change: Option<Ratio>,
    /// Which figure that is: `typical`, `mean`, `p99`, …
    pub(crate) figure: Option<String>,
    /// Why it could not be decided without a change; null otherwise.
    pub(crate) reason: Option<String>,
}

/// One workload in both runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct WorkloadComparison {
    /// The same as in the run file.
    pub(crate) name: String,
    /// The same as in the run file.
    pub(crate) codec: String,
    /// For people: the name, with the codec if either run measured several of them.
    #[serde(skip)]
    pub(crate) label: String,
    /// The change of hits and misses, as far as the intervals can tell: the worse of the two.
    pub(crate) verdict: Verdict,
    /// Whether a regression of hits and misses beyond the tolerance is ruled out, shown, or
    /// neither.
    pub(crate) gate: Gate,
    /// warm / mysql of typical reads, for information.
    pub(crate) warm_over_mysql: RatioChange,
    /// mysql mean / warm mean.
    pub(crate) speedup: RatioChange,
    /// cold mean / mysql mean.
    pub(crate) miss_penalty: RatioChange,
    /// Every path of either run.
    pub(crate) paths: Vec<PathChange>,
    /// The times of the controls in either run.
    pub(crate) controls: Vec<ControlChange>,
}

/// A ratio in both runs, and how it changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct RatioChange {
    /// Null if the run has none.
    pub(crate) baseline: Option<Ratio>,
    /// Null if the run has none.
    pub(crate) candidate: Option<Ratio>,
    /// candidate / baseline
    pub(crate) change: Option<Ratio>,
    /// Why there is no change.
    pub(crate) withheld: Option<String>,
}

/// A path in both runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct PathChange {
    /// The same as in the run file.
    pub(crate) path: String,
    /// ns; null if nothing was read.
    pub(crate) baseline_mean_ns: Option<f64>,
    /// ns; null if nothing was read.
    pub(crate) candidate_mean_ns: Option<f64>,
    /// candidate / baseline of the means as they were measured, machine and servers included.
    pub(crate) change: Option<Ratio>,
    /// Why there is no change.
    pub(crate) withheld: Option<String>,
    /// The change of the path itself: by its typical read, or by its mean if that is shown to be
    /// slower.
    pub(crate) verdict: Verdict,
    /// The yardstick of the path; null if it could not be compared.
    pub(crate) judged_by: Option<String>,
    /// Typical read, mean and p99.
    pub(crate) figures: Vec<FigureChange>,
}

/// One figure of a path in both runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct FigureChange {
    /// `typical`, `mean` or `p99`, or what a gate named.
    pub(crate) figure: String,
    /// The measured time, ns; null if the run has none.
    pub(crate) baseline_ns: Option<f64>,
    /// The measured time, ns; null if the run has none.
    pub(crate) candidate_ns: Option<f64>,
    /// candidate / baseline, with what machine and servers did taken out by the controls.
    pub(crate) change: Option<Ratio>,
    /// The conclusion from the interval at the tolerance.
    pub(crate) verdict: Verdict,
    /// That of the path's gate, or of all.
    pub(crate) tolerance_percent: f64,
    /// Why there is no change.
    pub(crate) withheld: Option<String>,
}

/// The typical time of a control in both runs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(crate) struct ControlChange {
    /// `PING`, `SELECT 1` or `GET`.
    pub(crate) statement: String,
    /// ns; null if the run has none.
    pub(crate) baseline_ns: Option<f64>,
    /// ns; null if the run has none.
    pub(crate) candidate_ns: Option<f64>,
}

/// Runs that cannot be compared, or should not be, with every reason.
#[derive(Debug, thiserror::Error)]
#[error("the runs cannot be compared:{}\n  {}", listed(.unlike, .unsound), .next_step)]
pub(crate) struct Refusal {
    unlike: Vec<Difference>,
    unsound: Vec<Unsound>,
    next_step: &'static str,
}

fn listed(unlike: &[Difference], unsound: &[Unsound]) -> String {
    let unlike = unlike.iter().map(|Difference { field, baseline, candidate }| {
        let is_plural = field.ends_with('s') && !field.ends_with("_s");
        let differ = if is_plural { "differ" } else { "differs" };
        format!("\n  {field} {differ}: {baseline} in the baseline, {candidate} in the candidate")
    });
    let unsound = unsound.iter().map(|Unsound { run, reason }| format!("\n  the {run} {reason}"));
    // The values come out of files from anywhere.
    let clean = |line: String| crate::plain_text::lines(&line);
    unlike.chain(unsound).map::<String, _>(clean).collect()
}

/// A gate on what neither run measured.
#[derive(Debug, thiserror::Error)]
#[error("--gate {gate}: neither run has a workload {workload} ({})", .known.join(", "))]
pub(crate) struct UnknownWorkload {
    gate: String,
    workload: String,
    known: Vec<String>,
}

/// A run and the name of its file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Named<'a> {
    pub(crate) file: &'a str,
    pub(crate) run: &'a Run,
}

/// The differences between the runs of two load generators that should have measured the same at
/// the same time; one of machines does not matter. Empty if they can be merged.
pub(crate) fn unmergeable(one: &Run, other: &Run) -> Vec<Difference> {
    alike::unmergeable(one, other)
}

/// Whether each gate names something that was measured.
pub(crate) fn check_gates(
    baseline: &Run,
    candidate: &Run,
    gates: &[GateSpec],
) -> Result<(), UnknownWorkload> {
    let mut known: Vec<String> =
        baseline.workloads.iter().chain(&candidate.workloads).map(|workload| workload.name.clone()).collect();
    known.sort();
    known.dedup();
    match gates.iter().find(|gate| !known.contains(&gate.workload)) {
        Some(gate) => Err(UnknownWorkload { gate: gate.name(), workload: gate.workload.clone(), known }),
        None => Ok(()),
    }
}

/// Compares two runs.
///
/// # Errors
/// [`Refusal`] if the runs measured different things or did not end well, unless it is forced; and
/// in any case if they have no workload in common.
pub(crate) fn compare(
    baseline: Named<'_>,
    candidate: Named<'_>,
    options: &Options,
) -> Result<Comparison, Refusal> {
    let (before, after) = (baseline.run, candidate.run);
    let (unlike, unsound) = (alike::unlike(before, after), alike::unsound(before, after));
    if alike::nothing_in_common(before, after) {
        return Err(Refusal { unlike, unsound, next_step: "measure the same --workload in both" });
    }
    let forced = !(unlike.is_empty() && unsound.is_empty());
    if forced && !options.force {
        let next_step = match (unlike.is_empty(), unsound.iter().all(Unsound::is_interrupted)) {
            (true, true) => "let that bench run to its end, or compare what was measured with --force",
            (true, false) => "measure again once no read fails, or compare them all the same with --force",
            (false, _) => "measure both alike, or compare them all the same with --force",
        };
        return Err(Refusal { unlike, unsound, next_step });
    }
    let workloads = workloads::compare(before, after, options);
    let gates = workloads::gates(&workloads, before, after, options);
    Ok(Comparison {
        format: FORMAT.to_owned(),
        format_version: FORMAT_VERSION,
        rcache_version: env!("CARGO_PKG_VERSION").to_owned(),
        baseline: side(baseline),
        candidate: side(candidate),
        identical: before.started_at == after.started_at && before.workloads == after.workloads,
        forced,
        unlike,
        unsound,
        settings_differences: alike::settings_differences(before, after),
        environment_differences: alike::environment_differences(before, after),
        other_differences: alike::other_differences(before, after),
        variation_measured: [before, after].iter().all(|run| run.runs.len() > 1 && run.generators <= 1),
        tolerance_percent: options.tolerance_percent,
        gate: (options.gated || !options.gates.is_empty())
            .then(|| Gate::all(gates.iter().map(|gate| gate.result))),
        gates,
        workloads,
    })
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
        runs: run.runs.len().max(1),
        warnings,
    }
}
