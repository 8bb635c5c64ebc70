//! `rcache compare`: two saved runs side by side, as a page, a document or a comment, and the regression gate.

use std::path::Path;

use anyhow::anyhow;

use super::Outcome;
use super::console::Console;
use super::json;
use crate::cli::{Compare, TypedFormat};
use crate::compare::{self, Comparison, DEFAULT_TOLERANCE_PERCENT, Gate, Named, Options};
use crate::config::Settings;
use crate::report::comparison::{self, markdown, text};
use crate::run_file::{Run, load};

pub(super) fn run(arguments: &Compare, settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    let baseline = read("baseline", &arguments.baseline)?;
    let candidate = read("candidate", &arguments.candidate)?;
    let (baseline_file, candidate_file) = (arguments.baseline.display(), arguments.candidate.display());
    let options = Options {
        tolerance_percent: arguments.fail_on_regression.unwrap_or(DEFAULT_TOLERANCE_PERCENT),
        gated: arguments.fail_on_regression.is_some(),
        force: arguments.force,
    };
    let compared = compare::compare(
        Named { file: &baseline_file.to_string(), run: &baseline },
        Named { file: &candidate_file.to_string(), run: &candidate },
        &options,
    )?;
    console.result(&match settings.page_format {
        TypedFormat::Text => text::render(&compared, &console.page_style()),
        TypedFormat::Markdown => markdown::render(&compared),
        TypedFormat::Json => json::pretty(&compared)?,
    })?;
    Ok(outcome(&compared, console))
}

fn read(which: &str, path: &Path) -> anyhow::Result<Run> {
    // The cause is part of the sentence: as a cause of its own it would be told twice.
    load::load(path).map_err(|error| anyhow!("cannot read the {which} {}: {error}", path.display()))
}

/// The gate's result also stands on stderr, where it is seen when the page goes into a file.
fn outcome(compared: &Comparison, console: &Console) -> Outcome {
    let Some(gate) = compared.gate else { return Outcome::Fine };
    match gate {
        Gate::Passed => Outcome::Fine,
        Gate::Failed => {
            console.error(&comparison::gate_sentence(compared, gate));
            Outcome::GateFailed
        }
        Gate::Undecided => {
            console.error(&comparison::gate_sentence(compared, gate));
            Outcome::Undecided
        }
    }
}
