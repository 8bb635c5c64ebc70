//! The arguments of the commands that read saved documents: `compare`, `merge` and `report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::PictureArgs;
use super::numbers::percent;

pub(super) const DEFAULT_TOLERANCE_TEXT: &str = "10";

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The run to compare with, saved by `rcache bench --output`; - is stdin
    #[arg(value_name = "BASELINE")]
    pub(crate) baseline: PathBuf,

    /// The run that is judged; - is stdin
    #[arg(value_name = "CANDIDATE")]
    pub(crate) candidate: PathBuf,

    #[arg(long, value_name = "PERCENT", num_args = 0..=1, require_equals = true, default_missing_value = DEFAULT_TOLERANCE_TEXT)]
    #[arg(value_parser = percent, help = tolerance_help(), long_help = tolerance_long_help())]
    pub(crate) fail_on_regression: Option<f64>,

    /// Gate one path, such as 'point.cold: 15%', 'point.warm.p99: 50%' or 'all.mysql: 20%'; may be
    /// repeated
    ///
    /// WORKLOAD.PATH: PERCENT% or WORKLOAD.PATH.FIGURE: PERCENT%, with a path of mysql, cold, warm
    /// and a figure of typical, mean, p50, p90, p95, p99, p99.9. Without a figure the typical read
    /// must be shown to be within the tolerance, and the mean must not be shown to be beyond it.
    /// mysql is compared with SELECT 1. It takes the place of the gate that --fail-on-regression
    /// makes for the same path.
    #[arg(long, value_name = "GATE")]
    pub(crate) gate: Vec<String>,

    /// Outcome of a gate that cannot be decided, instead of exit status 4
    #[arg(long, value_enum, value_name = "HOW", require_equals = true)]
    pub(crate) inconclusive: Option<Inconclusive>,

    /// Compare runs of other data, or that did not end well, and say so
    #[arg(long)]
    pub(crate) force: bool,
}

/// The outcome of a gate that cannot be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Inconclusive {
    /// It passes, with a warning
    Pass,
    /// It fails: exit status 3
    Fail,
}

#[derive(Debug, Args)]
pub(crate) struct Merge {
    /// The runs, saved by `rcache bench --output`, one of each load generator; - is stdin
    #[arg(value_name = "RUN", required = true, num_args = 2..)]
    pub(crate) runs: Vec<PathBuf>,

    /// Save the merged run as JSON; `-` writes it to stdout, and the page to stderr
    #[arg(short, long, value_name = "RUN.json", value_hint = clap::ValueHint::FilePath)]
    pub(crate) output: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Saved runs, traffic, comparisons, experiments and predictions; - is stdin
    ///
    /// Files that `bench` and `traffic` save with --output, or that they, `compare`, `scenario`,
    /// `size` and `candidates` print with --format json. Two runs, or two documents of traffic, are
    /// compared as `compare` does it, the first one being the baseline.
    #[arg(value_name = "FILE", required = true, num_args = 1..=20, value_hint = clap::ValueHint::FilePath)]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) picture: PictureArgs,

    /// Save the numbers as CSV files in this folder, which is made if it is missing
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    pub(crate) csv: Option<PathBuf>,
}

fn tolerance_help() -> String {
    format!(
        "Gate hits and misses of every workload: exit with 3 if one is slower by more than PERCENT [default: \
         {DEFAULT_TOLERANCE_TEXT}]"
    )
}

fn tolerance_long_help() -> String {
    format!(
        "{}\n\nHits are compared with PING in the same rounds (large entries with a bare GET of as many bytes), misses too, \
         after the path mysql was subtracted: a faster or slower MySQL or machine is no regression. A path passes if the 95 % \
         interval of its typical read lies below PERCENT, and fails if that interval or the one of its mean lies beyond; \
         otherwise the exit status is 4. Single runs of the same build differ by a few percent, so a tolerance below about \
         10 % usually ends undecided; `bench --runs 5` measures the difference instead of assuming it.",
        tolerance_help()
    )
}
