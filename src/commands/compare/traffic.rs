//! `rcache compare` of two documents of traffic.

use anyhow::anyhow;

use super::super::Outcome;
use super::super::console::Console;
use super::super::json;
use super::{decided, unreadable};
use crate::cli::{Compare, Format};
use crate::compare::{self, DEFAULT_TOLERANCE_PERCENT, TrafficOptions};
use crate::config::Settings;
use crate::model::UsageError;
use crate::report::traffic_comparison;
use crate::traffic_file::{Document, load};

/// None if one of the files is not of traffic.
pub(super) fn run(
    files: [&[u8]; 2],
    arguments: &Compare,
    settings: &Settings,
    console: &Console,
) -> anyhow::Result<Option<Outcome>> {
    if !files.iter().all(|bytes| load::is_traffic(bytes)) {
        return Ok(None);
    }
    if !arguments.gate.is_empty() {
        let message =
            "--gate names paths of benches; for traffic use --fail-on-regression, or traffic --assert";
        return Err(UsageError(message.to_owned()).into());
    }
    let read = |which: &str, path, bytes| -> anyhow::Result<Document> {
        load::parse(bytes).map_err(|error| anyhow!(unreadable(which, path, &error)))
    };
    let baseline = read("baseline", &arguments.baseline, files[0])?;
    let candidate = read("candidate", &arguments.candidate, files[1])?;
    let [baseline_file, candidate_file] =
        [&arguments.baseline, &arguments.candidate].map(|path| path.display().to_string());
    let options = TrafficOptions {
        tolerance_percent: arguments.fail_on_regression.unwrap_or(DEFAULT_TOLERANCE_PERCENT),
        gated: arguments.fail_on_regression.is_some(),
        force: arguments.force,
    };
    let compared =
        match compare::compare_traffic([&baseline_file, &candidate_file], &baseline, &candidate, options) {
            Ok(compared) => compared,
            Err(refusal) => {
                console.error(&refusal.to_string());
                return Ok(Some(Outcome::NotComparable));
            }
        };
    console.result(&match settings.format {
        Format::Text => console.render(&traffic_comparison::page(&compared), settings.page_format),
        Format::Json => json::pretty(&compared)?,
    })?;
    let Some(gate) = compared.gate else { return Ok(Some(Outcome::Fine)) };
    let sentence = traffic_comparison::gate_sentence(&compared, gate);
    Ok(Some(decided(gate, &sentence, arguments.inconclusive, console)))
}
