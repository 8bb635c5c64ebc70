//! `rcache compare`: two saved runs as a page, a document or a comment, and the regression gates.

mod traffic;

use std::path::Path;

use anyhow::anyhow;

use super::Outcome;
use super::console::Console;
use super::json;
use crate::cli::{Compare, Format, Inconclusive};
use crate::compare::{self, Comparison, DEFAULT_TOLERANCE_PERCENT, Gate, GateSpec, Named, Options};
use crate::config::Settings;
use crate::model::UsageError;
use crate::plain_text;
use crate::report::comparison;
use crate::run_file::{Run, load};

pub(super) fn run(arguments: &Compare, settings: &Settings, console: &Console) -> anyhow::Result<Outcome> {
    let options = options(arguments)?;
    if [&arguments.baseline, &arguments.candidate].iter().all(|path| load::is_stdin(path)) {
        return Err(UsageError("only one of the two runs can come from stdin".to_owned()).into());
    }
    let bytes = |which: &str, path: &Path| {
        load::bytes(path).map_err(|error| anyhow!(unreadable(which, path, &error)))
    };
    let files = [bytes("baseline", &arguments.baseline)?, bytes("candidate", &arguments.candidate)?];
    if let Some(outcome) = traffic::run([&files[0], &files[1]], arguments, settings, console)? {
        return Ok(outcome);
    }
    let read = |which: &str, path: &Path, bytes: &[u8]| match load::parse(bytes) {
        Ok(run) => Ok(Some(run)),
        Err(error) if error.is_another_document() => {
            console.error(&unreadable(which, path, &error));
            Ok(None)
        }
        // The cause is part of the sentence: as a cause of its own it would be told twice.
        Err(error) => Err(anyhow!(unreadable(which, path, &error))),
    };
    let baseline = read("baseline", &arguments.baseline, &files[0])?;
    let candidate = read("candidate", &arguments.candidate, &files[1])?;
    let Some((baseline, candidate)) = baseline.zip(candidate) else { return Ok(Outcome::NotComparable) };
    compare::check_gates(&baseline, &candidate, &options.gates)
        .map_err(|error| UsageError(error.to_string()))?;
    let compared = match compare_named(arguments, &baseline, &candidate, &options) {
        Ok(compared) => compared,
        Err(refusal) => {
            console.error(&refusal.to_string());
            return Ok(Outcome::NotComparable);
        }
    };
    console.result(&match settings.format {
        Format::Text => console.render(&comparison::page(&compared), settings.page_format),
        Format::Json => json::pretty(&compared)?,
    })?;
    Ok(outcome(&compared, arguments.inconclusive, console))
}

fn options(arguments: &Compare) -> Result<Options, UsageError> {
    let gate = |text: &String| {
        GateSpec::parse(text).map_err(|error| UsageError(format!("--gate {text:?}: {error}")))
    };
    Ok(Options {
        tolerance_percent: arguments.fail_on_regression.unwrap_or(DEFAULT_TOLERANCE_PERCENT),
        gated: arguments.fail_on_regression.is_some(),
        gates: arguments.gate.iter().map(gate).collect::<Result<_, _>>()?,
        force: arguments.force,
    })
}

fn compare_named(
    arguments: &Compare,
    baseline: &Run,
    candidate: &Run,
    options: &Options,
) -> Result<Comparison, compare::Refusal> {
    let [baseline_file, candidate_file] =
        [&arguments.baseline, &arguments.candidate].map(|path| path.display().to_string());
    compare::compare(
        Named { file: &baseline_file, run: baseline },
        Named { file: &candidate_file, run: candidate },
        options,
    )
}

fn unreadable(which: &str, path: &Path, error: &dyn std::error::Error) -> String {
    let file = if load::is_stdin(path) { "from stdin".to_owned() } else { plain_text::path(path) };
    format!("cannot read the {which} {file}: {error}")
}

/// The gate's result goes to stderr too, where it is seen when the page goes into a file.
fn outcome(compared: &Comparison, inconclusive: Option<Inconclusive>, console: &Console) -> Outcome {
    let Some(gate) = compared.gate else { return Outcome::Fine };
    decided(gate, &comparison::gate_sentence(compared, gate), inconclusive, console)
}

fn decided(gate: Gate, sentence: &str, inconclusive: Option<Inconclusive>, console: &Console) -> Outcome {
    match (gate, inconclusive) {
        (Gate::Passed, _) => Outcome::Fine,
        (Gate::Undecided, Some(Inconclusive::Pass)) => {
            console.warning(&format!("{sentence}; it passes because of --inconclusive=pass"));
            Outcome::Fine
        }
        (Gate::Failed, _) => {
            console.error(sentence);
            Outcome::GateFailed
        }
        (Gate::Undecided, Some(Inconclusive::Fail)) => {
            console.error(&format!("{sentence}; it fails because of --inconclusive=fail"));
            Outcome::GateFailed
        }
        (Gate::Undecided, None) => {
            console.error(sentence);
            Outcome::Undecided
        }
    }
}
